"""G predicts RGB, D sees RGB and the grey input: the conditioning of the pix2pix paper."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `rgb_rgb`, but the discriminator sees the generator's input too."""
    return to_config_dict(experiment_config("rgb_rgb_gray"))
