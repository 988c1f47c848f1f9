"""Chroma made, YCrCb judged: the reference reports a red and blue haze."""

from pix2pix_jax.config import Config
from pix2pix_jax.experiments import experiment_config


def get_config() -> Config:
    """As `ycrcb_rgb`, but the discriminator sees Y, Cr, Cb."""
    return experiment_config("ycrcb_ycrcb")
