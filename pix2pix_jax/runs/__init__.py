"""What a run leaves in its folder: checkpoints, `metrics.jsonl` and TensorBoard event files."""

from pix2pix_jax.runs.checkpoints import Checkpoints, newest
from pix2pix_jax.runs.metrics import METRICS_FILE, MetricsWriter, Record, read_metrics

__all__ = ["METRICS_FILE", "Checkpoints", "MetricsWriter", "Record", "newest", "read_metrics"]
