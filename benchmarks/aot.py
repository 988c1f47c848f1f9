"""Compiles the training step for a GPU or a TPU that is not there, and says what it moves and computes.

    python benchmarks/aot.py --target h100 [--devices N] [--batch-size N] [--dtype bfloat16] [--json FILE]

The compilers of accelerators run on any machine. What comes out is the program itself: its kernels, the bytes that each
reads and writes, its memory and its collectives. Unlike times, these numbers do not change from run to run. A step that
is bound by memory traffic cannot be faster than they allow.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script looks for modules in its own folder alone
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the devices to compile for are not looked for

import jax
import numpy as np

from benchmarks.compiled.report import as_text, describe
from benchmarks.compiled.targets import TARGETS
from pix2pix_jax.commands import cli
from pix2pix_jax.config import Config, experiment_config, updated, validate
from pix2pix_jax.errors import UserError
from pix2pix_jax.state import build_model
from pix2pix_jax.training import parallel


def main() -> None:
    """Compiles, prints the figures, and writes the JSON."""
    arguments = parse_arguments()
    target = TARGETS[arguments.target]
    paper = arguments.experiment == "pix2pix"
    batch_size = arguments.batch_size or (1 if paper else 512)
    image_size = arguments.image_size or (256 if paper else 96)
    changes = {
        "batch_size": batch_size,
        "image_size": image_size,
        "data.resize": image_size,
        "dtype": arguments.dtype,
        "sync_batch_norm": not arguments.no_sync,
    }
    config = updated(experiment_config(arguments.experiment), changes)
    validate(config, max(arguments.devices, 1))
    devices = target.devices(arguments.devices)
    found = describe(lower_step(config, devices).compile(), config, target, len(devices))
    print(as_text(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    if arguments.limit:
        check_limit(found, json.loads(arguments.limit.read_text()))


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="h100", choices=tuple(TARGETS))
    parser.add_argument("--devices", type=int, default=1, help="chips of one host")
    parser.add_argument("--batch-size", type=int, help="images, over all devices: 512, or 1 for pix2pix")
    parser.add_argument("--image-size", type=int, help="96, a multiple of 32; or 256 for pix2pix")
    parser.add_argument("--dtype", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--experiment", default="ycrcb_rgb", help="which of the five; or pix2pix, the paper's networks")
    parser.add_argument("--no-sync", action="store_true", help="batch statistics of each device's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the numbers")
    parser.add_argument("--limit", type=Path, metavar="FILE", help="earlier numbers: fail where 3 %% more is moved")
    return parser.parse_args(given)


def lower_step(config: Config, devices: Any) -> Any:
    """Lowers the step that training takes, for devices that need not be there."""
    model = build_model(config, total_steps=1)
    state = jax.eval_shape(model.init, jax.random.key(0))
    shape = (len(devices), config.batch_size // len(devices), config.image_size, config.image_size)
    images = jax.ShapeDtypeStruct((*shape, config.task.batch_channels), np.uint8)
    return parallel.parallel_train_step(model, devices).lower(state, images)


def check_limit(found: Mapping[str, Any], earlier: Mapping[str, Any]) -> None:
    """Makes sure that a program moves no more than an earlier one, but for 3 %.

    Raises:
        UserError: if it does, or the two are not of the same thing.
    """
    for key in ("target", "experiment", "dtype", "devices", "images_per_device", "image_size"):
        if found[key] != earlier[key]:
            raise UserError(f"the numbers to compare with are of {key}={earlier[key]}, not {found[key]}")
    now, before = found["bytes_per_image"], earlier["bytes_per_image"]
    if now > 1.03 * before:
        raise UserError(f"{now / 1e6:.1f} MB an image are moved, and {before / 1e6:.1f} were before")


if __name__ == "__main__":
    cli.run_command(main)
