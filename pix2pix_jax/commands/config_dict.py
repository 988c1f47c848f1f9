"""Configs at the edge: config files return an `ml_collections.ConfigDict`, which `--config.key=value` changes."""

import dataclasses

from ml_collections import ConfigDict

from pix2pix_jax.config import Config, default_config, leaves, updated


def to_config_dict(config: Config) -> ConfigDict:
    """A config that can be changed key by key, for a config file to return."""
    return ConfigDict(dataclasses.asdict(config))


def from_config_dict(values: ConfigDict) -> Config:
    """The config that a config file returned, with what the command line has changed.

    Raises:
        UserError: if a key is not known, or a value is not of its key's type.
    """
    return updated(default_config(), leaves(values.to_dict()))
