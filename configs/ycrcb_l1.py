"""Chroma made by a U-Net alone, without a discriminator: what the others are compared with."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `ycrcb_rgb`, without a discriminator."""
    return to_config_dict(experiment_config("ycrcb_l1"))
