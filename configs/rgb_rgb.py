"""RGB made, RGB judged."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """RGB out, and a discriminator that sees the RGB alone."""
    config = default_config()
    config.name = "rgb_rgb"
    config.task.generator_makes = "rgb"
    config.task.l1_rgb = 100.0
    config.task.l1_chroma = 0.0
    return config
