"""The flags that several commands have, and the generator that they name."""

import argparse
import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from PIL import Image

from pix2pix_jax import __version__
from pix2pix_jax.commands import cli
from pix2pix_jax.config import Config, updated
from pix2pix_jax.errors import UserError

if TYPE_CHECKING:
    from pix2pix_jax.inference import TrainedGenerator


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], Any]:
    """The `type` of an argument that is a number from `least` to `most`."""

    def read(text: str) -> int | float:
        with contextlib.suppress(ValueError):
            if least <= (value := kind(text)) <= most:
                return value
        noun = "an integer" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text} is not {noun} from {least} to {most}")

    return read


positive_int = number(int, 1, 2**31 - 1)
positive_float = number(float, 1e-6, 1e9)


def step_or_best(text: str) -> int | str:
    """A number of steps, or "best", as the `type` of an argument."""
    return text if text == "best" else positive_int(text)


def shard(text: str) -> tuple[int, int]:
    """Which of how many parts, such as 3/8, as the `type` of an argument."""
    part, _, count = text.partition("/")
    return number(int, 1, positive_int(count))(part), positive_int(count)


FLAGS: dict[str, dict[str, Any]] = {
    "--checkpoint": {
        "metavar": "RUN_OR_FILE",
        "help": "the generator: a run's folder, a .safetensors or .pth file, or 'reference', the package's generator of"
        " the reference's network (default: pretrained, the package's own)",
    },
    "--step": {
        "type": step_or_best,
        "metavar": "N|best",
        "help": "of a run, the checkpoint after N steps, or of those kept the best one by CIEDE2000 (of pairs, by L1)"
        " on the held-out images (default: the newest)",
    },
    "--test-time": {
        "choices": get_args(get_type_hints(Config)["test_time"]),
        "help": "what the generator normalises by, the running averages of training or the statistics of the image"
        " itself (batch), and whether its dropout is active (default: what the generator's config says)",
    },
    "--seed": {
        "type": number(int, 0, 2**31 - 1),
        "default": 0,
        "metavar": "N",
        "help": "what dropout follows from, if active (default: 0)",
    },
    "--overwrite": {"action": "store_true", "help": "replace what is there already"},
    "--max-megapixels": {
        "type": positive_float,
        "default": 2e-6 * (Image.MAX_IMAGE_PIXELS or 0),
        "metavar": "N",
        "help": "refuse larger images, which may be traps that fill the memory (default: Pillow's %(default).0f)",
    },
}
"""How argparse takes each flag that several commands have."""


def make_parser(name: str, **settings: Any) -> argparse.ArgumentParser:
    """The parser of a command, which knows `--version`; the settings are argparse's."""
    parser = argparse.ArgumentParser(name, **settings)
    parser.add_argument("--version", action="version", version=f"pix2pix_jax {__version__}")
    return parser


def add_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Adds some of `FLAGS`."""
    for name in names:
        parser.add_argument(name, **FLAGS[name])


def refuse_earlier(result: Path, overwrite: bool, what: str = "an earlier evaluation") -> None:
    """Raises UserError if results are there already, and are not to be replaced."""
    if result.exists() and not overwrite:
        raise UserError(f"{result} holds {what}: give --overwrite to replace it, or another folder with --out")


def load_generator(options: argparse.Namespace) -> "TrainedGenerator":
    """Starts JAX, and reads the generator that `--checkpoint`, `--step` and `--test-time` describe.

    Raises:
        UserError: if JAX has no device, or the generator cannot be read.
    """
    from pix2pix_jax.inference.trained import load_trained

    cli.use_compilation_cache()
    cli.check_devices()
    generator = load_trained(options.checkpoint, options.step)
    if options.test_time is None:
        return generator
    return dataclasses.replace(generator, config=updated(generator.config, {"test_time": options.test_time}))
