"""Which photographs make up a batch, cropped where and mirrored or not: a function of the step alone."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# What random numbers are drawn for. Each purpose has its own stream, so that none can shift another's draws.
_ORDER, _CROP = 0, 1


class Draws(NamedTuple):
    """What is drawn for the rows of one batch, each [rows].

    Attributes:
        photograph: which one.
        down: vertical place of the crop among all possible ones, in [0, 1).
        right: horizontal place, as `down`.
        mirrored: whether left and right change places.
    """

    photograph: NDArray[np.int64]
    down: NDArray[np.float64]
    right: NDArray[np.float64]
    mirrored: NDArray[np.bool_]


@dataclass(frozen=True)
class Order:
    """The endless sequence of training images, cut into batches.

    Row j of step s is number p = s * batch_size + j, which is photograph p % N of epoch p // N in an order drawn anew
    for each epoch (N photographs in all): batches run on from one epoch into the next. Crops and mirroring are drawn
    from (seed, epoch, photograph). So any step's batch can be made by any number of threads, in any order.

    Attributes:
        num_images: photographs in an epoch.
        batch_size: rows of a batch over all processes, a multiple of `process_count`; may be more than there are
            photographs.
        seed: what everything drawn follows from.
        process_index: which process's rows are wanted.
        process_count: how many processes share a batch, an equal stretch of it each.
        mirror: whether half of the images change left and right; the other draws are the same without.
    """

    num_images: int
    batch_size: int
    seed: int
    process_index: int = 0
    process_count: int = 1
    mirror: bool = True

    def __getitem__(self, step: int) -> Draws:
        """This process's rows of a step's batch; 0 is the first step."""
        rows = self.batch_size // self.process_count
        first = step * self.batch_size + self.process_index * rows
        epochs, places = np.divmod(np.arange(first, first + rows), self.num_images)
        parts = []
        for epoch in range(epochs[0], epochs[-1] + 1):
            order, crops = _epoch(self.seed, epoch, self.num_images)
            index = order[places[epochs == epoch]]
            down, right, mirror = crops[index].T
            parts.append((index, down, right, (mirror < 0.5) & self.mirror))
        return Draws(*map(np.concatenate, zip(*parts, strict=True)))


@lru_cache(maxsize=4)  # a batch may straddle epochs, and batches are made ahead
def _epoch(seed: int, epoch: int, num_images: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The order of an epoch, a permutation of 0 to `num_images - 1`; and three draws for every photograph in it."""
    return (
        _random(seed, _ORDER, epoch).permutation(num_images),
        _random(seed, _CROP, epoch).random((num_images, 3)),
    )


def _random(seed: int, purpose: int, epoch: int) -> np.random.Generator:
    """A random stream of its own for every combination of the arguments.

    Philox (Salmon et al., 2011) is a function of a key and a counter, whose lower words are left to the draws.
    """
    key = np.array([seed % 2**64, purpose], np.uint64)
    counter = np.array([0, 0, epoch, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
