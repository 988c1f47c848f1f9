"""The first run: colours a few photographs that scikit-image carries, within minutes on a laptop's CPU."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import default_config, updated


def get_config() -> ConfigDict:
    """As `ycrcb_rgb`, from `reference`, on the bundled photographs, and of a size that suits a short run."""
    demo = {
        "name": "demo",
        "image_size": 64,
        "batch_size": 16,
        "num_steps": 300,
        # From random weights, five photographs are too few: some skies become red.
        "warm_start": "reference",
        "ema_decay": 0.99,
        "adam.schedule": "linear",
        "data.source": "bundled",
        "data.resize": 75,
        "log_every_steps": 20,
        "eval_every_steps": 50,
        "sample_every_steps": 100,
        "checkpoint_every_steps": 100,
    }
    return to_config_dict(updated(default_config(), demo))
