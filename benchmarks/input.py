"""Measures what a training run loses to its input and to its checkpoints, in each cache mode of the loader.

    python benchmarks/input.py [--data DIR] [--json FILE]

It trains whole epochs, and measures which share of the time the step waits for its batch, how long the first step of an
epoch waits, and what a checkpoint adds.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script looks for modules in its own folder alone

from pix2pix_jax import data, host
from pix2pix_jax.commands import cli, cpu
from pix2pix_jax.config import Config, experiment_config, updated, validate
from pix2pix_jax.data.sources import open_bundled
from pix2pix_jax.errors import UserError
from pix2pix_jax.runs import Checkpoints
from pix2pix_jax.state import build_model
from pix2pix_jax.training import parallel
from pix2pix_jax.training.loss_log import LossLog

_MODES = ("device", "host", "none")
_RESIZE = 7 / 6  # of the image size: the recipe's 112 for 96
_EPOCHS = 3


def main() -> None:
    """Measures, prints the table, and writes the JSON."""
    arguments = parse_arguments()
    sizes = {"batch_size": arguments.batch_size, "image_size": arguments.image_size}
    sizes |= {"data.resize": round(arguments.image_size * _RESIZE), "data.num_workers": arguments.workers}
    config = updated(experiment_config(arguments.experiment), sizes)
    cli.use_compilation_cache()
    host.keep_freed_memory()
    cpu.update_in_place()
    cpu.one_device_per_core(config)
    validate(config, jax.local_device_count())
    with tempfile.TemporaryDirectory() as folder:
        photos = _photographs(arguments, config, Path(folder) / "photos")
        found = measure(photos, config, Path(folder))
    found["device"] = f"{jax.device_count()} x {jax.devices()[0].device_kind} ({platform.machine()})"
    print(f"{len(photos):,} files, batch {config.batch_size}, {arguments.workers} workers, on {found['device']}")
    print(f"{'':16} {'epoch':>10} {'gap':>10} {'waiting':>10}")
    for mode, shares in found["modes"].items():
        seconds, gap, wait = shares["epoch_seconds"], shares["epoch_gap_share"], shares["wait_share"]
        print(f"{f'cache={mode}':16} {seconds:>8.1f} s {gap:>10.3%} {wait:>10.3%}")
    print(f"a checkpoint an epoch adds at most {found['checkpoint_share']:.2%}")
    print("gap: the longest wait for the first batch of an epoch; waiting: for all batches; both as shares of an epoch")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of photographs; without it, parts of scikit-image's, as JPEG files")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--photos", type=int, default=1024, help="most photographs in an epoch")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--experiment", default="ycrcb_rgb")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the numbers")
    arguments = parser.parse_args()
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        parser.error(f"there is no folder for {arguments.json}")
    return arguments


def measure(source: data.FolderSource, config: Config, scratch: Path) -> dict[str, Any]:
    """Trains for some epochs in each cache mode.

    Args:
        source: the photographs of an epoch.
        config: the run's.
        scratch: folder for decoded photographs and checkpoints.

    Returns:
        "modes": of each, "epoch_seconds", and as shares of it "epoch_gap_share" and "wait_share";
        "checkpoint_share": of the shortest epoch.
    """
    model = build_model(config, total_steps=1)
    train_step = parallel.parallel_train_step(model)
    state = parallel.place(model.init_compiled(jax.random.key(0)))
    modes = {}
    for mode in _MODES:
        loader = data.Loader(
            source,
            batch_size=config.batch_size,
            image_size=config.image_size,
            resize=config.data.resize,
            seed=0,
            cache=mode,
            cache_dir=str(scratch / "decoded"),
            num_workers=config.data.num_workers,
        )
        with loader.iterate() as batches:
            state, metrics = train_step(state, next(batches))  # the first call compiles
            jax.block_until_ready(metrics)
            epochs = []
            for _ in range(_EPOCHS):
                state, *times = _epoch(train_step, state, batches, len(source) // config.batch_size)
                epochs.append(times)
        gaps, waits, seconds = zip(*epochs, strict=True)
        modes[mode] = {
            "epoch_seconds": median(seconds),
            "epoch_gap_share": max(gap / epoch for gap, epoch in zip(gaps, seconds, strict=True)),
            "wait_share": sum(waits) / sum(seconds),
        }
    checkpoint = _checkpoint_seconds(state, scratch / "checkpoints")
    return {"modes": modes, "checkpoint_share": checkpoint / min(mode["epoch_seconds"] for mode in modes.values())}


def _epoch(
    train_step: Callable[..., Any], state: Any, batches: Iterator[jax.Array], steps: int
) -> tuple[Any, float, float, float]:
    """Trains as the loop does. Returns the state, and seconds: waits for the first and for all batches, the epoch."""
    waits, losses = [], LossLog()
    start = time.perf_counter()
    for number in range(steps):
        before = time.perf_counter()
        images = next(batches)
        waits.append(time.perf_counter() - before)
        state, metrics = train_step(state, images)
        losses.add(number, metrics)
    losses.fetch()
    return state, waits[0], sum(waits), time.perf_counter() - start


def _checkpoint_seconds(state: Any, folder: Path) -> float:
    """Seconds until a checkpoint is on the disk while nothing else runs: the most that it can cost."""
    with Checkpoints(folder, keep=1) as checkpoints:
        start = time.perf_counter()
        checkpoints.save(jax.tree.map(np.array, state))
    return time.perf_counter() - start


def _photographs(arguments: argparse.Namespace, config: Config, scratch: Path) -> data.FolderSource:
    """The photographs of an epoch, whole batches of them; without --data those that scikit-image carries."""
    if not arguments.data:
        scratch.mkdir()
        bundled, _ = open_bundled()
        for number in range(len(bundled)):
            Image.fromarray(bundled[number]).save(scratch / f"{number:04d}.jpg", quality=95)
    source = data.open_folder(arguments.data or str(scratch), "--data", shorter_side=config.data.resize)
    there, size = min(len(source), arguments.photos), config.batch_size
    if there < size:
        raise UserError(f"--batch-size={size} is more than the {there} photographs of an epoch")
    return data.FolderSource(source.root, source.files[: there // size * size], shorter_side=config.data.resize)


if __name__ == "__main__":
    cli.run_command(main)
