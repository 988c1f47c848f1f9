"""Chroma made, YCrCb judged: the reference reports a red and blue haze."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """As `ycrcb_rgb`, but the discriminator sees Y, Cr, Cb."""
    config = default_config()
    config.name = "ycrcb_ycrcb"
    config.task.discriminator_sees = "ycrcb"
    return config
