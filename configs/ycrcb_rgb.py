"""Chroma made, RGB judged: the best of the reference's experiments."""

from pix2pix_jax.config import Config
from pix2pix_jax.experiments import experiment_config


def get_config() -> Config:
    """The reference's recipe, which is the default."""
    return experiment_config("ycrcb_rgb")
