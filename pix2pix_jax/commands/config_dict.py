"""Configs at the edge: what a config file and the flags `--config.key=value` and `--set key=value` make of them."""

import ast
import contextlib
import dataclasses
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from pix2pix_jax.config import Config, default_config, leaves, unread_keys, updated
from pix2pix_jax.errors import UserError


def to_config_dict(config: Config) -> ConfigDict:
    """A config that can be changed key by key, for a config file to return."""
    return ConfigDict(dataclasses.asdict(config))


def from_config_dict(values: ConfigDict, given: Container[str] = (), image_size: int | None = None) -> Config:
    """The config that a config file returned, with what the command line has changed.

    Args:
        values: the config file's values and the command line's.
        given: the keys of the command line. Where one of them leaves what the file sets unread, as another network
            does, the file's value is dropped.
        image_size: the config file's own, which its `data.resize` goes with, where the command line has another.

    Raises:
        UserError: if a key is not known, or a value is not of its key's type.
    """
    if not isinstance(values, ConfigDict):
        raise UserError(f"get_config() of the config file gives {type(values).__name__}: wanted a ConfigDict")
    found = leaves(values.to_dict())
    return _changed(found, given, image_size or found["image_size"])


def apply_settings(config: Config, settings: Sequence[str]) -> Config:
    """Changes a config as `--set` asks for.

    Args:
        config: the config.
        settings: each `key=value`, the key dotted; a later one wins over an earlier one.

    Returns:
        The changed config; what is no longer read is dropped as in `from_config_dict`.

    Raises:
        UserError: if one is no such pair, the key is unknown or is what the experiments differ in, or the value is of
            another type than the key's.
    """
    known = leaves(config)
    given: dict[str, object] = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise UserError(f"--set {setting}: wanted key=value, such as --set dtype=bfloat16")
        if key == "name" or key.startswith("task."):
            raise UserError(f"--set {setting}: {key} is what the experiments differ in, and cannot be set for all")
        given[key] = text
        if not isinstance(known.get(key), str):
            with contextlib.suppress(SyntaxError, ValueError):  # then it is text, and of another type than the key's
                given[key] = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    return _changed(known | given, given, config.image_size)


def _changed(values: Mapping[str, Any], given: Container[str], image_size: int) -> Config:
    """The config of some values, of which some keys were given, and which had another image size before that."""
    unread = unread_keys(values)
    kept = {key: value for key, value in values.items() if key in given or unread.get(key, "") not in given}
    before = updated(default_config(), kept | {"image_size": image_size})
    return updated(before, {key: values[key] for key in ("image_size", "data.resize") if key in given})
