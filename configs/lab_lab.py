"""Colouring in Lab with the paper's networks."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """G predicts a and b from L, D sees Lab."""
    return to_config_dict(experiment_config("lab_lab"))
