"""Which keys nothing reads, given what the others are set to."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pix2pix_jax.networks import NETWORK_KEYS
from pix2pix_jax.tasks import TASKS

_SCHEDULE = {"schedule_start", "schedule_end"}
_COLORING = "saturation", "average_mirrored", "coloring_side", "data.aged"
_FOLDERS = {"root", "eval_root"}
_TFDS = {"split", "eval_split", "tfds_dir"}
_PAIRS = {"direction", "preprocess", "input_interpolation", "output_interpolation", "float_min", "float_max"}

# By key: for each of its values, which keys of the same part are read.
_READ: dict[str, Mapping[str, set[str]]] = {
    "task.kind": {kind: {field.name for field in fields(task)} for kind, task in TASKS.items()},
    "generator.network": NETWORK_KEYS["generator"],
    "discriminator.network": NETWORK_KEYS["discriminator"],
    "objective.gan": {
        "vanilla": {"real_label"},
        "lsgan": {"real_label"},
        "hinge": set(),
        "wgan-gp": {"gradient_penalty"},
    },
    "adam.schedule": {"constant": set(), "linear": _SCHEDULE, "cosine": _SCHEDULE},
    "data.source": {
        "stl10": _TFDS,
        "tfds": _TFDS,
        "bundled": set(),
        "folder": _FOLDERS,
        "pairs": _FOLDERS | _PAIRS,
        "edges": _FOLDERS | {"edge_sigma"},
        "blurred": _FOLDERS | {"blur_factor"},
        "masked": _FOLDERS | {"mask_share"},
    },
}


def unread_keys(values: Mapping[str, Any]) -> dict[str, str]:
    """The keys that nothing reads, each with the key whose value makes it so.

    Args:
        values: a config's by dotted key, see `leaves`. An unknown network, source or the like leaves nothing unread.
    """
    unread: dict[str, str] = {}
    if values["discriminator.network"] != "projected":
        unread["objective.feature_matching"] = "discriminator.network"
    if values["task.kind"] == "translation":
        unread |= dict.fromkeys(_COLORING, "task.kind")
    if values["warm_start"]:
        unread["generator.encoder_weights"] = "warm_start"
    if values.get("task.points") and values["generator.network"] == "efficientnet":  # where the guide alone learns
        unread["generator.encoder_rate"] = unread["generator.keep_averages"] = "task.points"
    if values.get("task.l1_chroma") == 0:
        unread["task.colorful_emphasis"] = "task.l1_chroma"
    for setting, without_discriminator in (("task.discriminator_sees", "none"), ("task.adversarial", False)):
        if values.get(setting) == without_discriminator:
            unread["task.discriminator_sees_gray"] = unread["task.discriminator_sees_condition"] = setting
    for setting, read in _READ.items():
        every = set().union(*read.values())
        part, chosen = setting.partition(".")[0], values[setting].partition(":")[0]  # tfds:NAME
        unread |= {f"{part}.{key}": setting for key in every - read.get(chosen, every)}
    return unread


def readers_of(key: str, setting: str) -> list[str]:
    """The values of `setting` with which a key of its part is read."""
    return [value for value, keys in _READ.get(setting, {}).items() if key.partition(".")[2] in keys]
