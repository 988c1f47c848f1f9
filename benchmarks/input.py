"""Measures what the way from files to batches costs: alone, beside PyTorch's, and under training.

    python benchmarks/input.py [--data DIR] [--json FILE]

First, images per second from each cache mode of the loader alone, and from a PyTorch `DataLoader` with as many workers
on the same files, in turns. Then whole training epochs in each mode: how much of the time the step waits for its batch,
how long the step after an epoch's last one is in coming, and what a checkpoint adds.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from PIL import Image

from pix2pix_jax import cli, config, cpu, data, host, step
from pix2pix_jax.checkpoints import Checkpoints
from pix2pix_jax.data.folder import FolderSource
from pix2pix_jax.loss_log import LossLog, Stopwatch

MODES = ("device", "host", "none")

_RESIZE = 7 / 6  # of the image size: the recipe's 112 for 96
_EPOCHS = 3


def main() -> None:
    """Runs both parts and prints a table of each."""
    arguments = parse_arguments()
    cli.use_compilation_cache()
    host.keep_freed_memory()
    cpu.one_device_per_core(arguments.batch_size)
    with tempfile.TemporaryDirectory() as scratch:
        files = photographs(arguments, Path(scratch) / "photos")
        print(
            f"{len(files):,} files, batch {arguments.batch_size}, {arguments.workers} workers, on {describe_device()}"
        )
        speeds = measure_alone(files, arguments, Path(scratch))
        print_speeds(speeds)
        shares = measure_training(files, arguments, Path(scratch))
        print_shares(shares)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(describe(arguments, speeds) | shares, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of photographs; without it, windows of scikit-image's, as JPEG files")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--photos", type=int, default=1024, help="photographs in an epoch of the second part")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--experiment", default="ycrcb_rgb")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the first part")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round of the first part")
    parser.add_argument("--json", help="file for the numbers")
    return parser.parse_args()


def photographs(arguments: argparse.Namespace, scratch: Path) -> FolderSource:
    """The photographs, each a file."""
    root = arguments.data
    if not root:
        scratch.mkdir()
        bundled, _ = data.make_sources(_source_config("bundled", ""))
        for number in range(len(bundled)):
            Image.fromarray(bundled[number]).save(scratch / f"{number:04d}.jpg", quality=95)
        root = str(scratch)
    source, _ = data.make_sources(_source_config("folder", root, round(arguments.image_size * _RESIZE)))
    assert isinstance(source, FolderSource)
    return source


def _source_config(source: str, root: str, resize: int = 112) -> SimpleNamespace:
    nothing = dict.fromkeys(("eval_root", "split", "eval_split", "tfds_dir"), "")
    return SimpleNamespace(source=source, root=root, eval_fraction=0.01, resize=resize, **nothing)


def make_loader(source: FolderSource, mode: str, arguments: argparse.Namespace, scratch: Path) -> data.Loader:
    """The loader of a run."""
    return data.Loader(
        source,
        batch_size=arguments.batch_size,
        image_size=arguments.image_size,
        resize=round(arguments.image_size * _RESIZE),
        seed=0,
        cache=mode,
        cache_dir=str(scratch / "decoded"),
        num_workers=arguments.workers,
    )


# --- Alone ---------------------------------------------------------------------------------------


def measure_alone(source: FolderSource, arguments: argparse.Namespace, scratch: Path) -> dict[str, list[float]]:
    """Images per second of each mode and of PyTorch, one number a round."""
    speeds: dict[str, list[float]] = {mode: [] for mode in MODES}
    loaders = {mode: make_loader(source, mode, arguments, scratch) for mode in MODES}
    openers: dict[str, Callable[[], Any]] = {mode: loader.iterate for mode, loader in loaders.items()}
    if (torch_loader := make_torch_loader(source, arguments)) is not None:
        speeds["torch"] = []
        openers["torch"] = lambda: _endless(torch_loader)
    for _ in range(arguments.rounds):
        # In turns, so that a machine that grows slower hits all alike; and one at a time, for each wants all cores.
        for name, opener in openers.items():
            with ExitStack() as stack:
                batches = opener()
                stack.callback(batches.close)
                speeds[name].append(_images_per_second(batches, arguments))
    return speeds


def _images_per_second(batches: Iterator[Any], arguments: argparse.Namespace) -> float:
    for _ in range(20):  # until all workers are at work and what they had made ahead is used up
        jax.block_until_ready(next(batches))
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < arguments.seconds:
        jax.block_until_ready(next(batches))
        count += arguments.batch_size
    return count / (time.perf_counter() - start)


def make_torch_loader(source: FolderSource, arguments: argparse.Namespace) -> Any:
    """A `DataLoader` as PyTorch's colouring projects write it: decode, crop, flip, to float tensors in [0, 1].

    None where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return None
    from torch.utils.data import DataLoader

    return DataLoader(
        TorchFiles([source.root / name for name in source.files], arguments.image_size),  # type: ignore[arg-type]
        batch_size=arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=arguments.workers,
        persistent_workers=arguments.workers > 0,
        multiprocessing_context="spawn" if arguments.workers else None,
        generator=torch.Generator().manual_seed(0),
    )


class TorchFiles:
    """A map-style PyTorch data set of photographs in files."""

    def __init__(self, files: list[Path], image_size: int) -> None:
        """Takes the files and the side of the crops, px."""
        self._files = files
        self._size = image_size
        self._resize = round(image_size * _RESIZE)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Any:
        """One crop, float32 [3, size, size] in [0, 1]."""
        import torch

        image = Image.open(self._files[index]).convert("RGB")
        scale = self._resize / min(image.size)
        if scale < 1:
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        left = int(torch.randint(0, image.width - self._size + 1, ()))
        top = int(torch.randint(0, image.height - self._size + 1, ()))
        image = image.crop((left, top, left + self._size, top + self._size))
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)


def _endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


# --- Under training ------------------------------------------------------------------------------


def measure_training(files: FolderSource, arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Shares of an epoch's time: waiting, between epochs, and a checkpoint's."""
    steps_per_epoch = min(arguments.photos, len(files)) // arguments.batch_size
    names = files.files[: steps_per_epoch * arguments.batch_size]
    source = FolderSource(files.root, names, shorter_side=round(arguments.image_size * _RESIZE))
    settings = config.default_config()
    settings.update(_experiment(arguments.experiment))
    model = config.build_model(settings, total_steps=1)
    train_step = step.parallel_train_step(model)
    state = step.place(model.init_compiled(jax.random.key(0)))
    shares: dict[str, Any] = {"epoch_gap_share": {}, "wait_share": {}, "epoch_seconds": {}}
    for mode in MODES:
        loader = make_loader(source, mode, arguments, scratch)
        with loader.iterate() as batches:
            state, metrics = train_step(state, next(batches))  # compiles, the first time
            jax.block_until_ready(metrics)
            state, gaps, waits, epochs = train_epochs(train_step, state, batches, steps_per_epoch)
        shares["epoch_gap_share"][mode] = max(gap / epoch for gap, epoch in zip(gaps, epochs, strict=True))
        shares["wait_share"][mode] = sum(waits) / sum(epochs)
        shares["epoch_seconds"][mode] = median(epochs)
    seconds = measure_checkpoint(state, scratch / "checkpoints")
    shares["checkpoint_share"] = seconds / min(shares["epoch_seconds"].values())
    return shares


def train_epochs(
    train_step: Callable[..., Any], state: Any, batches: Iterator[jax.Array], steps: int
) -> tuple[Any, list[float], list[float], list[float]]:
    """Trains as the loop does.

    Returns:
        The state; and in seconds, for each epoch: from the end of the last step of the one before to the start of its
        first step, the time in it in which a batch was waited for, and all of it.
    """
    gaps, waits, epochs = [], [], []
    watch, losses = Stopwatch(), LossLog()
    for epoch in range(_EPOCHS):
        for number in range(steps):
            with watch.waiting():
                images = next(batches)
            if number == 0:
                gaps.append(watch.elapsed())
            state, metrics = train_step(state, images)
            losses.add(epoch * steps + number, metrics)
        losses.fetch()
        seconds, waited = watch.lap()
        epochs.append(seconds)
        waits.append(waited)
    return state, gaps, waits, epochs


def measure_checkpoint(state: Any, folder: Path) -> float:
    """Seconds until a checkpoint is on the disk, with nothing else at work: the most it can cost a run."""
    seconds = []
    for number in range(3):
        with Checkpoints(folder / str(number), keep=1) as checkpoints:
            start = time.perf_counter()
            checkpoints.save(jax.tree.map(np.array, state))
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def _experiment(name: str) -> Any:
    import importlib.util

    path = Path(__file__).parent.parent / "configs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        sys.exit(f"error: there is no experiment {name}: they lie in {path.parent}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


# --- Report --------------------------------------------------------------------------------------


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
    print("gap: longest time between two epochs' steps over an epoch; 22 to 33 % in the 2019 write-up of the reference")


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
    main()
