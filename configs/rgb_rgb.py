"""G predicts RGB, D sees RGB."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `ycrcb_rgb`, but the generator predicts RGB."""
    return to_config_dict(experiment_config("rgb_rgb"))
