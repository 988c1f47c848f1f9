"""RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper."""

from pix2pix_jax.config import Config
from pix2pix_jax.experiments import experiment_config


def get_config() -> Config:
    """RGB out, and a discriminator that sees what the generator was given."""
    return experiment_config("rgb_rgb_gray")
