"""G predicts chroma, D sees YCrCb: the reference reports a red and blue haze."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `ycrcb_rgb`, but the discriminator sees Y, Cr, Cb."""
    return to_config_dict(experiment_config("ycrcb_ycrcb"))
