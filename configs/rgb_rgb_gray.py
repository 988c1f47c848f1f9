"""RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """RGB out, and a discriminator that sees what the generator was given."""
    config = default_config()
    config.name = "rgb_rgb_gray"
    config.task.generator_makes = "rgb"
    config.task.discriminator_sees_gray = True
    config.task.l1_rgb = 100.0
    config.task.l1_chroma = 0.0
    return config
