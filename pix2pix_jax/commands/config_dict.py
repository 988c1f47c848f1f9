"""Configs at the edge: config files return an `ml_collections.ConfigDict`, which `--config.key=value` changes."""

import dataclasses
from collections.abc import Container

from ml_collections import ConfigDict

from pix2pix_jax.commands.arguments import drop_unread
from pix2pix_jax.config import Config, default_config, leaves, updated


def to_config_dict(config: Config) -> ConfigDict:
    """A config that can be changed key by key, for a config file to return."""
    return ConfigDict(dataclasses.asdict(config))


def from_config_dict(values: ConfigDict, given: Container[str] | None = None) -> Config:
    """The config that a config file returned, with what the command line has changed.

    Args:
        values: the config file's values and the command line's.
        given: the keys of the command line, see `drop_unread`; None: nothing is dropped.

    Raises:
        UserError: if a key is not known, or a value is not of its key's type.
    """
    found = leaves(values.to_dict())
    return updated(default_config(), found if given is None else drop_unread(found, given))
