"""Photographs of facades from labels of their parts: `--config.data.root=DIR`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """As `pix2pix`, from B to A."""
    return to_config_dict(experiment_config("facades"))
