"""Batches for training: which images, in which order, cropped and mirrored how, from where."""

import signal
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import resource_tracker
from typing import Any

import jax
from numpy.typing import NDArray

from pix2pix_jax.data.cache import DecodedSet, DoesNotFitError, decoded_set
from pix2pix_jax.data.device import ResidentSet, split
from pix2pix_jax.data.device import mirror as mirror_some
from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.fitted import sized
from pix2pix_jax.data.workers import Decoder, Workers
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import cache_home, typed_path

# Batches made ahead of the one in use: enough to ride out a slow file, few enough to start and stop
# at once.
_BATCHES_AHEAD = 3


class Loader:
    """Training batches, each a function of its step alone (see `Order`), the same ones wherever they come from.

    The images are kept, decoded and brought to size,

    - `device`: in the memory of each device, where crops are cut and mirrored;
    - `host`: in a file, mapped into the host's memory, from which crops are copied;
    - `none`: not at all: worker processes decode them anew in every epoch, as sets must be that fit nowhere else;
    - `auto`: on the device where they take no more than 40 % of its free memory, else on the host, else not at all.

    The file is made for `device` too, so that a second start decodes nothing. On a CPU, `auto` means the host: its
    memory is the device's.
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
            num_workers: worker processes that decode where nothing is kept; 0 for a thread of this process. As many
                threads decode what is kept.
            mirror: whether half of the images, drawn at random, change left and right.

        Raises:
            DoesNotFitError: if `device` or `host` is asked for and has no room.
            UserError: if there are no photographs, a number is out of range, or the cache's folder cannot be used.
        """
        images = sized(source, image_size, resize)
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size}: wanted at least 1")
        if num_workers < 0:
            raise UserError(f"data.num_workers={num_workers}: wanted 0 (no worker processes) or more")
        if len(source) < 1:
            raise UserError("there are no photographs to train on; give some")
        self._crop = images.crop
        self._num_workers = num_workers
        self._order = Order(
            len(source),
            batch_size=batch_size,
            seed=seed,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
            mirror=mirror,
        )
        self._decoder = Decoder(images, self._order)
        self._decoded: DecodedSet | None = None
        self._resident: ResidentSet | None = None
        if cache == "none":
            return
        try:
            folder = typed_path(cache_dir, "data.cache_dir") if cache_dir else cache_home() / "decoded"
            self._decoded = decoded_set(images, folder, max(num_workers, 1))
            if cache == "device" or (cache == "auto" and jax.default_backend() != "cpu"):
                self._resident = ResidentSet(self._decoded, self._crop)
        except DoesNotFitError as error:
            if cache != "auto":
                raise
            print(f"{error}; that is done now", file=sys.stderr)

    @property
    def cache(self) -> str:
        """Where the images are kept: "device", "host" or "none"."""
        if self._resident is not None:
            return "device"
        return "none" if self._decoded is None else "host"

    def batch(self, step: int) -> jax.Array:
        """Makes the batch of one step.

        Args:
            step: 0 for the first.

        Returns:
            This process's rows on its devices. Of photographs, RGB in [0, 255], uint8 [devices, rows per device,
            image_size, image_size, 3]; of pairs, [devices, rows per device, height, width, channels], see
            `SizedSource`.

        Raises:
            UserError: if the source can give no image.
        """
        if self._decoded is None:
            return self._finish(step, self._decoder[step])
        draws = self._order[step]
        crops = self._decoded.locate(draws, self._crop)
        if self._resident is None:
            return self._finish(step, self._decoded.cut(crops, self._crop))
        return self._resident.cut(crops, draws.mirrored)

    def iterate(self, start_step: int = 0) -> "BatchIterator":
        """Gives the batches from one step on, without end, made ahead and put on the devices in the background.

        Args:
            start_step: step of the first batch.

        Returns:
            An iterator over what `batch` returns, already at work. Close it (or use it in a `with` statement) to end
            its thread and processes.
        """
        if self._decoded is not None or not self._num_workers:
            return BatchIterator(self.batch, start_step)
        workers = Workers(self._decoder, start_step, self._num_workers)
        return BatchIterator(lambda step: self._finish(step, next(workers)), start_step, workers)

    def _finish(self, step: int, crops: NDArray[Any]) -> jax.Array:
        """Puts upright crops on the devices, and mirrors there, which is faster."""
        return mirror_some(split(crops), split(self._order[step].mirrored))


class BatchIterator(AbstractContextManager):
    """Batches in order, made ahead in a background thread.

    An error in the thread is raised by the `next` that would have returned its batch, and closes the iterator.
    """

    def __init__(self, make: Callable[[int], jax.Array], start_step: int, workers: Workers | None = None) -> None:
        """Starts the thread.

        Args:
            make: makes the batch of a step; called for one after the other.
            start_step: the first.
            workers: what `make` draws on, to be closed with the iterator.
        """
        self._make = make
        self._step = start_step
        self._workers = workers
        # One: several would spend more on waiting for the interpreter's lock than they gain.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="loader", initializer=_leave_signals_to_main)
        self._pending: deque[Future[jax.Array]] = deque()
        for _ in range(_BATCHES_AHEAD):
            self._submit()

    def __iter__(self) -> "BatchIterator":
        return self

    def __next__(self) -> jax.Array:
        """The next batch; none once closed."""
        if not self._pending:
            raise StopIteration
        self._submit()
        try:
            return self._pending.popleft().result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends thread and processes; batches made ahead are lost. May be called again."""
        self._pending.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(self) -> None:
        self._pending.append(self._pool.submit(self._make, self._step))
        self._step += 1


def _leave_signals_to_main() -> None:
    """Blocks what a terminal sends to a whole group, and SIGTERM, in this thread and the processes that it starts."""
    if hasattr(signal, "pthread_sigmask"):
        # Python's helper for shared memory ignores the other two itself, and where it is started unblocks them here.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
