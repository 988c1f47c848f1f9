"""G predicts chroma, D sees RGB: the best of the reference's experiments."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """The reference's recipe, which is the default."""
    return to_config_dict(experiment_config("ycrcb_rgb"))
