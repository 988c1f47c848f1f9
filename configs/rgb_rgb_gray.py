"""RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """RGB out, and a discriminator that sees what the generator was given."""
    return to_config_dict(experiment_config("rgb_rgb_gray"))
