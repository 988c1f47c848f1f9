"""The second part of `benchmarks/input.py`: what a training run loses to its input and to its checkpoints."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np

from benchmarks.loading.loaders import MODES, make_loader
from pix2pix_jax.config import Config
from pix2pix_jax.data import FolderSource
from pix2pix_jax.runs import Checkpoints
from pix2pix_jax.state import build_model
from pix2pix_jax.training import parallel
from pix2pix_jax.training.loss_log import LossLog, Stopwatch

_EPOCHS = 3


def measure_training(source: FolderSource, config: Config, scratch: Path, epoch_size: int) -> dict[str, Any]:
    """Measures which shares of an epoch's time are spent on waiting for batches, between epochs, and on a checkpoint.

    Args:
        source: the photographs.
        config: the run's.
        scratch: folder for decoded photographs and checkpoints.
        epoch_size: photographs of an epoch, at least a batch; what is over a whole number of batches is left out.

    Returns:
        "epoch_seconds", "epoch_gap_share" and "wait_share" by mode, and "checkpoint_share".
    """
    steps_per_epoch = epoch_size // config.batch_size
    names = source.files[: steps_per_epoch * config.batch_size]
    source = FolderSource(source.root, names, shorter_side=config.data.resize)
    model = build_model(config, total_steps=1)
    train_step = parallel.parallel_train_step(model)
    state = parallel.place(model.init_compiled(jax.random.key(0)))
    shares: dict[str, Any] = {"epoch_gap_share": {}, "wait_share": {}, "epoch_seconds": {}}
    for mode in MODES:
        loader = make_loader(source, mode, config, scratch)
        with loader.iterate() as batches:
            state, metrics = train_step(state, next(batches))  # the first call compiles
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
        The state; and for each epoch, in seconds: the time from the end of the previous epoch's last step to the start
        of its first step; the time in which its steps waited for a batch; and the time of the whole epoch.
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
    """Seconds until a checkpoint is on the disk while nothing else runs: the most that it can cost."""
    seconds = []
    for number in range(3):
        with Checkpoints(folder / str(number), keep=1) as checkpoints:
            start = time.perf_counter()
            checkpoints.save(jax.tree.map(np.array, state))
        seconds.append(time.perf_counter() - start)
    return median(seconds)
