"""Crops made from the images anew each time they are asked for."""

import multiprocessing
import os
import threading
from contextlib import AbstractContextManager
from multiprocessing.connection import wait
from typing import Any

from absl import flags
from numpy.typing import NDArray

from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.base import SizedSource
from pix2pix_jax.data.transforms import empty_images
from pix2pix_jax.errors import UserError

# Batches that a worker may have ready.
_BATCHES_AHEAD = 2

_SHARED_MEMORY = "/dev/shm"

# What Grain is told there are; it wants a number, and a run has an end of its own.
_ENDLESS = 2**40


class Decoder:
    """A sequence of batches, each decoded when it is asked for; what a worker process is given."""

    def __init__(self, source: SizedSource, order: Order) -> None:
        """Takes the images and their order."""
        self._source = source
        self._order = order

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, index: int) -> NDArray[Any]:
        """The crops of step `index`, not mirrored: [rows, height, width, channels]."""
        source = self._source
        height, width = source.crop
        draws = self._order[index]
        crops = empty_images((len(draws.photograph), height, width, source.channels), source.dtype)
        for crop, number, down, right in zip(crops, draws.photograph.tolist(), draws.down, draws.right, strict=True):
            image = source[number]
            top, left = int(down * (image.shape[0] - height + 1)), int(right * (image.shape[1] - width + 1))
            crop[...] = image[top : top + height, left : left + width]
        return crops


class Workers(AbstractContextManager):
    """Worker processes (Grain's) that make a decoder's batches ahead, in order."""

    def __init__(self, decoder: Decoder, start_step: int, num_workers: int) -> None:
        """Starts the processes.

        Args:
            decoder: what makes the batches.
            start_step: step of the first one; the earlier ones are not replayed.
            num_workers: how many processes, at least 1.

        Raises:
            UserError: if Grain is not installed.
        """
        try:
            import grain
        except ImportError as error:
            raise UserError(
                "decoding in worker processes needs Grain: pip install grain,"
                " or give --config.data.num_workers=0 to decode in this process"
            ) from error
        if not flags.FLAGS.is_parsed():  # Grain reads its own even where no command line was given
            flags.FLAGS.mark_as_parsed()
        batches = grain.MapDataset.source(decoder)[start_step:].to_iter_dataset(
            grain.ReadOptions(num_threads=1, prefetch_buffer_size=_BATCHES_AHEAD)
        )
        options = grain.MultiprocessingOptions(num_workers=num_workers, per_worker_buffer_size=_BATCHES_AHEAD)
        try:
            self._iterator = iter(batches.mp_prefetch(options, worker_init_fn=_end_with_parent))
        except OSError as error:
            raise _failure(error) from error

    def __next__(self) -> NDArray[Any]:
        """The next batch; see `Decoder`.

        Raises:
            UserError: if the source cannot give one, or a process has died.
        """
        try:
            shared = next(self._iterator)
        except (RuntimeError, OSError) as error:
            raise _failure(error) from error
        crops = empty_images(shared.shape, shared.dtype)
        crops[...] = shared  # a copy, since memory shared with a worker is to be given back soon
        return crops

    def close(self) -> None:
        """Ends the processes."""
        self._iterator.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _failure(error: Exception) -> UserError:
    """What to raise when the processes do not go on: Grain tells no more than an exit status."""
    reason = " ".join(str(error).split())[:200]
    return UserError(
        f"a process that decodes images has failed ({reason}): most often memory has run out, or {_SHARED_MEMORY},"
        " through which batches are handed on; use fewer with --config.data.num_workers (0: no processes), or in"
        " a container give it more (docker run --shm-size=2g)"
    )


def _end_with_parent(worker_index: int, num_workers: int) -> None:
    """Has this worker process end when the one that it works for does, even if that is killed."""
    del worker_index, num_workers
    if parent := multiprocessing.parent_process():

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
