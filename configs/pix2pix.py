"""Pairs of images, as in the pix2pix paper: `--config.data.root=DIR`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """The paper's U-Net, its 70×70 PatchGAN, and its recipe."""
    return to_config_dict(experiment_config("pix2pix"))
