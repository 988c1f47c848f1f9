"""Chroma made by a U-Net alone, without a discriminator: what the others are compared with."""

from pix2pix_jax.config import Config
from pix2pix_jax.experiments import experiment_config


def get_config() -> Config:
    """As `ycrcb_rgb`, but nothing is judged."""
    return experiment_config("ycrcb_l1")
