"""Command-line arguments: what is wrong with them is said in one line."""

import argparse
import dataclasses
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_type_hints

from pix2pix_jax.config import Config, check_fits, default_config, leaves, updated
from pix2pix_jax.data import SOURCE_KEYS
from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.networks import NETWORK_KEYS
from pix2pix_jax.tasks import TASKS

if TYPE_CHECKING:
    from pix2pix_jax.inference import TrainedGenerator


class Parser(argparse.ArgumentParser):
    """As `argparse.ArgumentParser`, but what is wrong raises UserError."""

    def error(self, message: str) -> NoReturn:
        """Raises UserError instead of printing the usage and ending the process."""
        raise UserError(f"{message} (--help lists the arguments)")


def positive_int(text: str) -> int:
    """An integer above 0, as the `type` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not an integer above 0")
    return int(text)


def positive_float(text: str) -> float:
    """A number above 0, as the `type` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def step_or_best(text: str) -> int | str:
    """A number of steps, or "best", as the `type` of an argument."""
    return text if text == "best" else positive_int(text)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Adds `--overwrite`, without which earlier results are kept; see `refuse_earlier`."""
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results in the folder of --out")


def refuse_earlier(result: Path, overwrite: bool, what: str = "an earlier evaluation") -> None:
    """Raises UserError if results are there already, and are not to be replaced."""
    if result.exists() and not overwrite:
        raise UserError(f"{result} holds {what}: give --overwrite to replace it, or another folder with --out")


def add_step(parser: argparse.ArgumentParser) -> None:
    """Adds `--step`, which of a run's checkpoints is taken."""
    parser.add_argument(
        "--step",
        type=step_or_best,
        metavar="N|best",
        help="of a run, the checkpoint after N steps, or of those kept the best one by CIEDE2000 (of pairs, by L1) on"
        " the held-out images (default: the newest)",
    )


def seed(text: str) -> int:
    """A seed of random numbers, as the `type` of an argument."""
    if not text.isdecimal() or not int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not an integer from 0 to {2**31 - 1}")
    return int(text)


def add_test_time(parser: argparse.ArgumentParser) -> None:
    """Adds `--test-time`, by which a trained generator is run."""
    parser.add_argument(
        "--test-time",
        choices=get_args(get_type_hints(Config)["test_time"]),
        help="what the generator normalises by, the running averages of training or the statistics of the image itself"
        " (batch), and whether its dropout is active (default: what the generator's config says)",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds `--seed`, of a generator's dropout."""
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="what dropout follows from, if active (default: 0)"
    )


def at_test_time(generator: "TrainedGenerator", test_time: str | None) -> "TrainedGenerator":
    """A generator that is run in one of the ways of `--test-time`; None for what its config says."""
    if test_time is None:
        return generator
    return dataclasses.replace(generator, config=updated(generator.config, {"test_time": test_time}))


def add_size(parser: argparse.ArgumentParser) -> None:
    """Adds `--image-size` and `--resize`, the size of the images that are judged."""
    parser.add_argument(
        "--image-size", type=positive_int, metavar="N", help="side of the crops in pixels (default: as in training)"
    )
    parser.add_argument(
        "--resize",
        type=positive_int,
        metavar="N",
        help="of photographs, the shorter side before the crop (default: 7/6 of the crop's)",
    )


def at_size(generator: "TrainedGenerator", image_size: int | None, resize: int | None) -> "TrainedGenerator":
    """A generator that is judged on images of the size of `add_size`; None for what its config says.

    Raises:
        UserError: if its network takes no such images.
    """
    if image_size is None and resize is None:
        return generator
    config = generator.config
    size = image_size or config.image_size
    # What is larger than the photographs of training is reduced to their scale, as any photograph is.
    side = config.coloring_side or (config.data.resize if size > config.data.resize else 0)
    sizes = {"image_size": size, "data.resize": resize or round(size * 7 / 6), "coloring_side": side}
    config = updated(config, sizes)
    check_fits(config, size, size, f"--image-size={size}")
    if config.data.resize < size:
        raise UserError(f"--resize={resize} is smaller than the crops, {size}: give {round(size * 7 / 6)}, say")
    return dataclasses.replace(generator, config=config)


def apply_settings(config: Config, settings: Sequence[str]) -> Config:
    """Changes a config as a user asks for.

    Args:
        config: the config.
        settings: each `key=value`, the key dotted; a later one wins over an earlier one.

    Returns:
        The changed config.

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
        if key not in known:
            raise UserError(f"--set {setting}: the key is not known, the nearest known one is {nearest(key, known)}")
        if key == "name" or key.startswith("task."):
            raise UserError(f"--set {setting}: {key} is what the experiments differ in, and cannot be set for all")
        values[key] = _parse(setting, text, known[key])
    return updated(default_config(), drop_unread(known | values, values))


def drop_unread(values: Mapping[str, Any], given: Container[str]) -> dict[str, Any]:
    """Drops what an experiment sets for a network, source or task that the user has exchanged for one without the key.

    Args:
        values: every value by dotted key, the experiment's and the user's.
        given: the keys that the user gave, which are never dropped.
    """
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
