"""Batches for training: which images, in which order, cropped and mirrored how, from where."""

import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import jax

from pix2pix_jax.data.cache import DecodedSet, DoesNotFitError, cut_crops, decoded_set
from pix2pix_jax.data.device import ResidentSet, mirrored, split
from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.fitted import sized
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import cache_home, typed_path

_logger = logging.getLogger(__name__)

# Batches made ahead, beside those that threads are at work on: enough to ride out a slow file, few enough to start
# and stop at once.
_BATCHES_AHEAD = 2


class Loader:
    """Training batches, each a function of its step alone (see `Order`), the same ones wherever they come from.

    The images are kept, decoded and resized,

    - `device`: in the memory of each device, where crops are cut and mirrored;
    - `host`: in a file, mapped into the host's memory, from which crops are copied;
    - `none`: not at all: threads decode them again in every epoch, for sets that fit nowhere else;
    - `auto`: on the device where they take no more than 40 % of its free memory, else on the host, else not at all.

    The file is made for `device` too, so that a second start decodes nothing. On a CPU, `auto` means the host.
    """

    def __init__(
        self,
        source: ImageSource,
        *,
        batch_size: int,
        image_size: int,
        resize: int,
        seed: int,
        cache: str = "auto",
        cache_dir: str = "",
        num_workers: int = 2,
        mirror: bool = True,
        notify: Callable[[str], object] = _logger.info,
    ) -> None:
        """Sets up a loader, and decodes the images if they are to be kept and are not there yet.

        Args:
            source: photographs, or pairs.
            batch_size: images in a batch, over all processes; may be more than there are.
            image_size: side of the crops of photographs, px; pairs know their own.
            resize: shorter side of a larger photograph before it is cropped, px; see `fit`.
            seed: what all order, crops and mirroring follow from.
            cache: "device", "host", "none" or "auto".
            cache_dir: where decoded images are kept; empty for `~/.cache/pix2pix_jax/decoded`.
            num_workers: threads that decode; 0 is as 1.
            mirror: whether half of the images, drawn at random, change left and right.
            notify: told in one line each how far decoding is, and what `auto` cannot have.

        Raises:
            DoesNotFitError: if `device` or `host` is asked for and has no room.
            UserError: if there are no photographs, no crop fits, or the cache's folder cannot be used.
        """
        self._images = sized(source, image_size, resize)
        if len(source) < 1:
            raise UserError("there are no photographs to train on; give some")
        self._threads = max(num_workers, 1)
        self._order = Order(
            len(source),
            batch_size=batch_size,
            seed=seed,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
            mirror=mirror,
        )
        self._decoded: DecodedSet | None = None
        self._resident: ResidentSet | None = None
        if cache == "none":
            return
        try:
            folder = typed_path(cache_dir, "data.cache_dir") if cache_dir else cache_home() / "decoded"
            self._decoded = decoded_set(self._images, folder, self._threads, notify)
            if cache == "device" or (cache == "auto" and jax.default_backend() != "cpu"):
                self._resident = ResidentSet(self._decoded, self._images.crop)
        except DoesNotFitError as error:
            if cache != "auto":
                raise
            notify(f"{error}; that is done now")

    @property
    def cache(self) -> str:
        """Where the images are kept: "device", "host" or "none"."""
        if self._resident is not None:
            return "device"
        return "none" if self._decoded is None else "host"

    def batch(self, step: int) -> jax.Array:
        """Makes the batch of one step; 0 is the first.

        Returns:
            This process's rows on its devices. Of photographs, RGB in [0, 255], uint8 [devices, rows per device,
            image_size, image_size, 3]; of pairs, [devices, rows per device, height, width, channels], see
            `SizedSource`.

        Raises:
            UserError: if the source can give no image.
        """
        draws = self._order[step]
        if self._resident is not None:
            return self._resident.cut(draws)
        crops = cut_crops(self._decoded or self._images, draws, self._images.crop)
        return mirrored(split(crops), split(draws.mirrored))  # on the devices, where it is faster

    @contextmanager
    def iterate(self, start_step: int = 0) -> Iterator[Iterator[jax.Array]]:
        """Makes the batches from `start_step` on ahead, in background threads that end with the `with` statement.

        Yields:
            An iterator over what `batch` returns, without end. An error in a thread is raised by the `next` that would
            have returned its batch, and ends the iterator.
        """
        # To copy crops, several threads would spend more on waiting for the interpreter's lock than they gain.
        threads = self._threads if self._decoded is None else 1
        pool = ThreadPoolExecutor(threads, thread_name_prefix="loader")
        steps = itertools.count(start_step)
        ahead = deque(pool.submit(self.batch, next(steps)) for _ in range(threads + _BATCHES_AHEAD))

        def batches() -> Iterator[jax.Array]:
            while True:
                ahead.append(pool.submit(self.batch, next(steps)))
                yield ahead.popleft().result()

        try:
            yield batches()
        finally:
            pool.shutdown(cancel_futures=True)
