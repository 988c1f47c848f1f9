"""What a run leaves in its folder: its config, checkpoints, `metrics.jsonl` and TensorBoard event files."""

from pix2pix_jax.runs.checkpoints import Checkpoints, newest
from pix2pix_jax.runs.folder import Photographs, RunFolder
from pix2pix_jax.runs.metrics import METRICS_FILE, MetricsWriter, Record, read_metrics

__all__ = [
    "METRICS_FILE",
    "Checkpoints",
    "MetricsWriter",
    "Photographs",
    "Record",
    "RunFolder",
    "newest",
    "read_metrics",
]
