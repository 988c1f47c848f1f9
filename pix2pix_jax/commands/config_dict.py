"""Configs at the edge: what a config file and the flags `--config.key=value` and `--set key=value` make of them."""

import ast
import contextlib
import dataclasses
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from pix2pix_jax.config import Config, default_config, leaves, updated
from pix2pix_jax.data import SOURCE_KEYS
from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import NETWORK_KEYS
from pix2pix_jax.tasks import TASKS


def to_config_dict(config: Config) -> ConfigDict:
    """A config that can be changed key by key, for a config file to return."""
    return ConfigDict(dataclasses.asdict(config))


def from_config_dict(values: ConfigDict, given: Container[str] | None = None, image_size: int | None = None) -> Config:
    """The config that a config file returned, with what the command line has changed.

    Args:
        values: the config file's values and the command line's.
        given: the keys of the command line. What the file sets for a network, source or task is dropped if they have
            exchanged that for one without the key; None: nothing is dropped.
        image_size: the config file's own, which its `data.resize` goes with, where the command line has another.

    Raises:
        UserError: if a key is not known, or a value is not of its key's type.
    """
    found = leaves(values.to_dict())
    if given is None:
        return updated(default_config(), found)
    own = updated(default_config(), _drop_unread(found, given) | {"image_size": image_size or found["image_size"]})
    return updated(own, {key: found[key] for key in ("image_size", "data.resize") if key in given})


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
    values: dict[str, object] = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise UserError(f"--set {setting}: wanted key=value, such as --set dtype=bfloat16")
        if key == "name" or key.startswith("task."):
            raise UserError(f"--set {setting}: {key} is what the experiments differ in, and cannot be set for all")
        values[key] = text
        if not isinstance(known.get(key), str):
            with contextlib.suppress(SyntaxError, ValueError):  # then it is text, and of another type than the key's
                values[key] = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    if "image_size" in values and "data.resize" not in values:
        known["data.resize"] = updated(config, {"image_size": values["image_size"]}).data.resize
    return updated(default_config(), _drop_unread(known | values, values))


def _drop_unread(values: Mapping[str, Any], given: Container[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key in given or _is_read(key, values)}


def _is_read(key: str, values: Mapping[str, Any]) -> bool:
    """Whether the network, source or task that is chosen reads a key."""
    part, _, leaf = key.partition(".")
    if part == "task" and (task := TASKS.get(values["task.kind"])):
        unjudged = leaf == "discriminator_sees_gray" and values.get("task.discriminator_sees") == "none"
        return not unjudged and leaf in {field.name for field in dataclasses.fields(task)}
    if part in NETWORK_KEYS and leaf != "network":
        return leaf in NETWORK_KEYS[part].get(values[f"{part}.network"], ())
    if part == "data" and leaf in SOURCE_KEYS:
        return values["data.source"].partition(":")[0] in SOURCE_KEYS[leaf]
    return True
