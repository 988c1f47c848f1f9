"""Chroma made by a U-Net alone, without a discriminator: what the others are compared with."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """As `ycrcb_rgb`, but nothing is judged."""
    config = default_config()
    config.name = "ycrcb_l1"
    config.task.discriminator_sees = "none"
    return config
