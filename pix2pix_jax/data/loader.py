"""Batches for training: which photographs, in which order, cropped and mirrored how."""

import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.closing import Closing
from pix2pix_jax.data.source import ImageSource
from pix2pix_jax.data.transforms import check_sizes, random_crop
from pix2pix_jax.errors import UserError

# Batches made ahead of the one in use: enough to ride out a slow file, few enough to start and stop
# at once.
_BATCHES_AHEAD = 3

# Rows that a thread makes in one go: closing waits for no more than these.
_ROWS_PER_TASK = 16

# What random numbers are drawn for. Each purpose has its own stream, so that none can shift
# another's draws.
_ORDER, _CROP = 0, 1


class Loader:
    """Training batches, each a function of its step alone.

    Photographs are counted through all batches: row j of step s is number p = s * batch_size + j,
    which is photograph p % N of epoch p // N in an order drawn anew for each epoch (N photographs
    in all). Batches therefore run on from one epoch into the next, and every photograph is seen
    once an epoch. The crop and the mirroring of a photograph are drawn from (seed, epoch, its
    index). So any step's batch can be made again without replaying the earlier ones, on any number
    of threads.
    """

    def __init__(
        self,
        source: ImageSource,
        *,
        batch_size: int,
        image_size: int,
        resize: int,
        seed: int,
        num_threads: int = 2,
    ) -> None:
        """Sets up a loader; nothing is read yet.

        Args:
            source: the photographs.
            batch_size: photographs in a batch; may be more than there are.
            image_size: side of the crops, px.
            resize: shorter side of a photograph before it is cropped, px; at least `image_size`.
            seed: what all order, crops and mirroring follow from.
            num_threads: threads that `iterate` decodes with.

        Raises:
            UserError: if there are no photographs, or a number is out of range.
        """
        check_sizes(image_size, resize)
        for name, value in (("batch_size", batch_size), ("num_threads", num_threads)):
            if value < 1:
                raise UserError(f"{name}={value}: wanted at least 1")
        if len(source) < 1:
            raise UserError("there are no photographs to train on; give some")
        self.batch_size = batch_size
        self.num_threads = num_threads
        self._source = source
        self._image_size = image_size
        self._resize = resize
        self._seed = seed

    def batch(self, step: int) -> NDArray[np.uint8]:
        """Makes the batch of one step.

        Args:
            step: 0 for the first.

        Returns:
            RGB in [0, 255], uint8 [batch_size, image_size, image_size, 3].

        Raises:
            UserError: if the source can give no photograph.
        """
        first = step * self.batch_size
        return self.rows(range(first, first + self.batch_size))

    def iterate(self, start_step: int = 0) -> "BatchIterator":
        """Gives the batches from one step on, without end, made ahead in background threads.

        Args:
            start_step: step of the first batch.

        Returns:
            An iterator over what `batch` returns, already at work. Close it (or use it in a `with`
            statement) to end its threads.
        """
        return BatchIterator(self, start_step)

    def rows(self, positions: range) -> NDArray[np.uint8]:
        """Makes any stretch of the endless sequence of training images that batches are cut from.

        Args:
            positions: numbers of the images, counted through all batches.

        Returns:
            RGB in [0, 255], uint8 [len(positions), image_size, image_size, 3].

        Raises:
            UserError: if the source can give no photograph.
        """
        count = len(self._source)
        rows = np.empty((len(positions), self._image_size, self._image_size, 3), np.uint8)
        for row, position in enumerate(positions):
            epoch, place = divmod(position, count)
            index = int(_epoch_order(self._seed, epoch, count)[place])
            rng = _random(self._seed, _CROP, epoch, index)
            rows[row] = random_crop(self._source[index], self._image_size, self._resize, rng)
        return rows


class BatchIterator(Closing):
    """A loader's batches in order, made ahead in background threads.

    An error in a thread is raised by the `next` that would have returned its batch, and closes the
    iterator.
    """

    def __init__(self, loader: Loader, start_step: int) -> None:
        """Starts the threads; see `Loader.iterate`."""
        self._loader = loader
        self._position = start_step * loader.batch_size
        self._pool = ThreadPoolExecutor(loader.num_threads, thread_name_prefix="loader")
        self._pending: deque[list[Future[NDArray[np.uint8]]]] = deque()
        for _ in range(_BATCHES_AHEAD):
            self._submit()

    def __iter__(self) -> "BatchIterator":
        return self

    def __next__(self) -> NDArray[np.uint8]:
        """The next batch, uint8 [batch_size, image_size, image_size, 3]; none once closed."""
        if not self._pending:
            raise StopIteration
        self._submit()
        try:
            return np.concatenate([task.result() for task in self._pending.popleft()])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the threads; batches made ahead are lost. May be called again."""
        self._pending.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        """Puts the next batch to work, in pieces that all threads share."""
        size = self._loader.batch_size
        rows_per_task = min(_ROWS_PER_TASK, math.ceil(size / self._loader.num_threads))
        positions = range(self._position, self._position + size)
        tasks = [
            self._pool.submit(self._loader.rows, positions[start : start + rows_per_task])
            for start in range(0, size, rows_per_task)
        ]
        self._pending.append(tasks)
        self._position += size


@lru_cache(maxsize=4)  # a batch may straddle epochs, and threads work on several batches
def _epoch_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of an epoch: a permutation of 0 to `count - 1`."""
    return _random(seed, _ORDER, epoch).permutation(count)


def _random(seed: int, purpose: int, epoch: int, index: int = 0) -> np.random.Generator:
    """A random stream of its own for every combination of the arguments, ready without replaying.

    Philox (Salmon et al., 2011) is a function of a key and a counter. The lowest word of the
    counter is left to the draws, two others say where the stream is.
    """
    key = np.array([seed % 2**64, purpose], np.uint64)
    counter = np.array([0, index, epoch, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
