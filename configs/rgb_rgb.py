"""RGB made, RGB judged."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """RGB out, and a discriminator that sees the RGB alone."""
    return to_config_dict(experiment_config("rgb_rgb"))
