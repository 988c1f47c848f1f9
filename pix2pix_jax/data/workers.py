"""Crops made from the photographs anew each time they are asked for."""

import multiprocessing
import os
import threading
from contextlib import AbstractContextManager
from multiprocessing.connection import wait

import numpy as np
from absl import flags
from numpy.typing import NDArray

from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.transforms import empty_images, fit
from pix2pix_jax.errors import UserError

# Batches that a worker may have ready.
_BATCHES_AHEAD = 2

# What Grain is told there are; it wants a number, and a run has an end of its own.
_ENDLESS = 2**40


class Decoder:
    """A sequence of batches, each decoded when it is asked for; what a worker process is given."""

    def __init__(self, source: ImageSource, order: Order, image_size: int, resize: int) -> None:
        """Takes the photographs, the order, the side of the crops (px), and the size they are cut from (see `fit`)."""
        self._source = source
        self._order = order
        self._image_size = image_size
        self._resize = resize

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """The crops of step `index`, not mirrored: uint8 RGB [rows, image_size, image_size, 3]."""
        side = self._image_size
        draws = self._order[index]
        crops = empty_images((len(draws.photograph), side, side, 3))
        for crop, number, down, right in zip(crops, draws.photograph.tolist(), draws.down, draws.right, strict=True):
            photo = fit(self._source[number], side, self._resize)
            height, width = photo.shape[:2]
            top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
            crop[...] = photo[top : top + side, left : left + side]
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
        self._iterator = iter(batches.mp_prefetch(options, worker_init_fn=_end_with_parent))

    def __next__(self) -> NDArray[np.uint8]:
        """The next batch; see `Decoder`."""
        shared = next(self._iterator)
        crops = empty_images(shared.shape)
        crops[...] = shared  # a copy, since memory shared with a worker is to be given back soon
        return crops

    def close(self) -> None:
        """Ends the processes."""
        self._iterator.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _end_with_parent(worker_index: int, num_workers: int) -> None:
    """Has this worker process end when the one that it works for does, even if that is killed."""
    del worker_index, num_workers
    if parent := multiprocessing.parent_process():

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
