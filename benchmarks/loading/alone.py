"""The first part of `benchmarks/input.py`: how many images per second each loader gives, alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax

from benchmarks.loading.loaders import MODES, make_loader, make_torch_loader
from pix2pix_jax.config import Config
from pix2pix_jax.data import FolderSource


def measure_alone(
    source: FolderSource, config: Config, scratch: Path, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Measures images per second of each mode, and of PyTorch where it is installed.

    Args:
        source: the photographs.
        config: the run's.
        scratch: folder for decoded photographs.
        rounds: rounds in which the loaders take turns.
        seconds: length of a loader's turn.

    Returns:
        By mode, or "torch": one number a round.
    """
    speeds: dict[str, list[float]] = {mode: [] for mode in MODES}
    loaders = {mode: make_loader(source, mode, config, scratch) for mode in MODES}
    openers: dict[str, Callable[[], Any]] = {mode: loader.iterate for mode, loader in loaders.items()}
    if (torch_loader := make_torch_loader(source, config)) is not None:
        speeds["torch"] = []
        openers["torch"] = lambda: _endless(torch_loader)
    for _ in range(rounds):
        # In turns, so that a machine that becomes slower affects all alike. One at a time, since each wants all cores.
        for name, opener in openers.items():
            with ExitStack() as stack:
                batches = opener()
                stack.callback(batches.close)
                speeds[name].append(_images_per_second(batches, config.batch_size, seconds))
    return speeds


def _images_per_second(batches: Iterator[Any], batch_size: int, seconds: float) -> float:
    for _ in range(20):  # until all workers are at work, and the batches that they made ahead are used up
        jax.block_until_ready(next(batches))
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        jax.block_until_ready(next(batches))
        count += batch_size
    return count / (time.perf_counter() - start)


def _endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader
