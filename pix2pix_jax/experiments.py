"""The five experiments, each a small difference from the default config, and settings for all of them alike."""

from collections.abc import Sequence

from pix2pix_jax.config import Config, default_config, leaves
from pix2pix_jax.errors import UserError, nearest

_MAKES_RGB: dict[str, object] = {"task.generator_makes": "rgb", "task.l1_rgb": 100.0, "task.l1_chroma": 0.0}

EXPERIMENTS: dict[str, dict[str, object]] = {
    # Chroma made, RGB judged: the best of the reference's experiments, and the default config.
    "ycrcb_rgb": {},
    # Chroma made, YCrCb judged: the reference reports a red and blue haze.
    "ycrcb_ycrcb": {"task.discriminator_sees": "ycrcb"},
    # RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper.
    "rgb_rgb_gray": _MAKES_RGB | {"task.discriminator_sees_gray": True},
    # RGB made, RGB judged.
    "rgb_rgb": _MAKES_RGB,
    # Chroma made by a U-Net alone, without a discriminator: what the others are compared with.
    "ycrcb_l1": {"task.discriminator_sees": "none"},
}
"""What each experiment changes in `default_config`, by dotted key."""


def experiment_config(name: str) -> Config:
    """The config of one of the five experiments.

    Args:
        name: one of `EXPERIMENTS`.

    Returns:
        A config of its own, see `default_config`.

    Raises:
        UserError: if there is no experiment of that name; names the nearest.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"there is no experiment {name}: did you mean {nearest(name, EXPERIMENTS)}?"
            f" (known: {', '.join(EXPERIMENTS)})"
        )
    config = default_config()
    config.name = name
    config.update_from_flattened_dict(EXPERIMENTS[name])
    return config


def apply_settings(config: Config, settings: Sequence[str]) -> None:
    """Changes a config as a user asks for.

    Args:
        config: is changed.
        settings: each `key=value`, the key dotted; a later one wins over an earlier one.

    Raises:
        UserError: if one is no such pair, the key is unknown or is what the experiments differ in, or the value is of
            another type than the key's.
    """
    known = leaves(config)
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise UserError(f"--set {setting}: wanted key=value, such as --set dtype=bfloat16")
        if key not in known:
            raise UserError(f"--set {setting}: the key is not known, the nearest known one is {nearest(key, known)}")
        if key == "name" or key.startswith("task."):
            raise UserError(f"--set {setting}: {key} is what the experiments differ in, and cannot be set for all")
        config.update_from_flattened_dict({key: _parse(setting, text, known[key])})


def _parse(setting: str, text: str, old: object) -> object:
    """Reads a value of the type of the old one."""
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(old, int):
            return int(text)
        return float(text) if isinstance(old, float) else text
    except (KeyError, ValueError) as error:
        wanted = {"bool": "True or False", "int": "an integer", "float": "a number"}[type(old).__name__]
        raise UserError(f"--set {setting}: wanted {wanted}") from error
