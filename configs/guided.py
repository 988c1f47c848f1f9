"""Points of colour: the package's generator learns to follow them, for your photographs: `--config.data.root=DIR`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """Chroma from luma and points, by EfficientNet-Lite and two ways up."""
    return to_config_dict(experiment_config("guided"))
