"""Measures what it costs to get from files to batches: alone, beside PyTorch's `DataLoader`, and under training.

    python benchmarks/input.py [--data DIR] [--json FILE]

The first part measures images per second: of each cache mode of the loader, and of a PyTorch `DataLoader` with as many
workers on the same files, in turns. The second part trains whole epochs in each mode. It measures which share of the
time the step waits for its batch, how long the first step of an epoch comes after the last one of the epoch before, and
what a checkpoint adds.
"""

import argparse
import json
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import jax
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script looks for modules in its own folder alone

from benchmarks.loading.alone import measure_alone
from benchmarks.loading.loaders import MODES
from benchmarks.loading.training import measure_training
from pix2pix_jax import host
from pix2pix_jax.commands import cli
from pix2pix_jax.config import Config, experiment_config, updated, validate
from pix2pix_jax.data import FolderSource, open_folder
from pix2pix_jax.data.sources import open_bundled
from pix2pix_jax.errors import UserError
from pix2pix_jax.training import cpu

_RESIZE = 7 / 6  # of the image size: the recipe's 112 for 96


def main() -> None:
    """Runs both parts and prints a table of each."""
    arguments = parse_arguments()
    config = run_config(arguments)
    cli.use_compilation_cache()
    host.keep_freed_memory()
    cpu.one_device_per_core(config)
    validate(config, jax.local_device_count())
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        photos = photographs(arguments, config, scratch / "photos")
        print(f"{len(photos):,} files, batch {config.batch_size}, {arguments.workers} workers, on {describe_device()}")
        speeds = measure_alone(photos, config, scratch, arguments.rounds, arguments.seconds)
        print_speeds(speeds)
        shares = measure_training(photos, config, scratch, min(len(photos), arguments.photos))
        print_shares(shares)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(describe(arguments, speeds) | shares, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of photographs; without it, parts of scikit-image's, as JPEG files")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--photos", type=int, default=1024, help="most photographs in an epoch of the second part")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--experiment", default="ycrcb_rgb")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the first part")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round of the first part")
    parser.add_argument("--json", metavar="FILE", help="file for the numbers")
    arguments = parser.parse_args()
    if min(arguments.photos, arguments.rounds) < 1 or arguments.seconds <= 0:
        parser.error("--photos and --rounds must be 1 or more, --seconds more than 0")
    if arguments.json and not Path(arguments.json).absolute().parent.is_dir():
        parser.error(f"there is no folder for {arguments.json}")
    return arguments


def run_config(arguments: argparse.Namespace) -> Config:
    """The experiment's config with the sizes that are asked for."""
    sizes = {
        "batch_size": arguments.batch_size,
        "image_size": arguments.image_size,
        "data.resize": round(arguments.image_size * _RESIZE),
        "data.num_workers": arguments.workers,
    }
    return updated(experiment_config(arguments.experiment), sizes)


def photographs(arguments: argparse.Namespace, config: Config, scratch: Path) -> FolderSource:
    """The photographs: files in the folder that is given, or those that scikit-image carries.

    Args:
        arguments: the command line.
        config: the run's.
        scratch: the folder to make for scikit-image's photographs, if they are used.

    Raises:
        UserError: if there are none, or too few for a batch.
    """
    root = arguments.data
    if not root:
        root = str(scratch)
        _write_bundled(scratch)
    source = open_folder(root, "--data", shorter_side=config.data.resize)
    there, size = min(len(source), arguments.photos), config.batch_size
    if there < size:
        raise UserError(
            f"--batch-size={size} is more than the {there} photographs of an epoch ({len(source)} in"
            f" {arguments.data or 'scikit-image'}, --photos={arguments.photos}): give more, or --batch-size={there}"
        )
    return source


def _write_bundled(folder: Path) -> None:
    try:
        source, _ = open_bundled()
    except UserError as error:
        raise UserError(
            "without --data the photographs are scikit-image's: pip install 'scikit-image>=0.25', or give --data=DIR"
        ) from error
    folder.mkdir()
    for number in range(len(source)):
        Image.fromarray(source[number]).save(folder / f"{number:04d}.jpg", quality=95)


def print_speeds(speeds: dict[str, list[float]]) -> None:
    """A table of the first part."""
    torch_speed = median(speeds["torch"]) if "torch" in speeds else None
    print(f"\n{'alone':24} {'images/s':>10} {'spread':>17} {'x DataLoader':>13}")
    for name, found in speeds.items():
        ratio = f"{median(found) / torch_speed:.2f}" if torch_speed else "-"
        label = "PyTorch DataLoader" if name == "torch" else f"cache={name}"
        print(f"{label:24} {median(found):>10,.0f} {f'{min(found):,.0f}-{max(found):,.0f}':>17} {ratio:>13}")
    if torch_speed is None:
        print("PyTorch is not installed: nothing to compare with")


def print_shares(shares: dict[str, Any]) -> None:
    """A table of the second part."""
    print(f"\n{'under training':24} {'epoch':>10} {'gap':>10} {'waiting':>10}")
    for mode, seconds in shares["epoch_seconds"].items():
        gap, wait = shares["epoch_gap_share"][mode], shares["wait_share"][mode]
        print(f"{f'cache={mode}':24} {seconds:>8.1f} s {gap:>10.3%} {wait:>10.3%}")
    print(f"a checkpoint an epoch adds at most {shares['checkpoint_share']:.2%}")
    print("gap: longest time between two epochs' steps, over an epoch (2019 write-up of the reference: 22 to 33 %)")


def describe(arguments: argparse.Namespace, speeds: dict[str, list[float]]) -> dict[str, Any]:
    """What was measured, on what."""
    medians = {name: median(found) for name, found in speeds.items()}
    ratios = {mode: medians[mode] / medians["torch"] for mode in MODES} if "torch" in medians else {}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        "arguments": vars(arguments),
        "device": describe_device(),
        "versions": {name: version(name) for name in ("jax", "numpy", "pillow")},
        "images_per_second": medians,
        "ratio_to_data_loader": ratios,
    }


def describe_device() -> str:
    """The device, in a few words."""
    (first, *others) = jax.devices()
    return f"{1 + len(others)} x {first.device_kind} ({platform.machine()})"


if __name__ == "__main__":
    cli.run_command(main)
