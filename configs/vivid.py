"""The package's generator with stronger colours, from your photographs: `--config.data.root=DIR`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `pretrained_encoder`, against a discriminator that sees images through EfficientNet-Lite1."""
    return to_config_dict(experiment_config("vivid"))
