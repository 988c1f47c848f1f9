"""RGB made, RGB judged."""

from pix2pix_jax.config import Config
from pix2pix_jax.experiments import experiment_config


def get_config() -> Config:
    """RGB out, and a discriminator that sees the RGB alone."""
    return experiment_config("rgb_rgb")
