"""The generator in the package, trained on your own photographs, few or many: `--config.data.root=DIR`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """Chroma from luma by EfficientNet-Lite and a way up of its own."""
    return to_config_dict(experiment_config("pretrained_encoder"))
