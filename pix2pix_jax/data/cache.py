"""A whole set of images, decoded once and kept on the disk, from where it is mapped into memory."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import files
from pix2pix_jax.data.order import Draws
from pix2pix_jax.data.sources.base import SizedSource
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)

# One more with every change of the files' layout, of `fit` or of how photographs are decoded: older sets are made anew.
_LAYOUT = 2

# A chunk holds at least so many images, so that little of it stays empty, unless a place in it would then take more
# than 32 bits.
_IMAGES_PER_CHUNK = 16
_LARGEST_CHUNK = 2**31 - 1

# Images decoded in one go: they wait in memory until they are written.
_DECODED_AT_ONCE = 256

_SECONDS_BETWEEN_NOTES = 10.0
_DISK_MARGIN = 2**26  # bytes: the disk is not filled to the last one

_PIXELS, _PLACES, _INFO = "pixels.bin", "places.npy", "info.json"


class DoesNotFitError(UserError):
    """The decoded set is larger than the place it was to be put in."""


class DecodedSet:
    """Images of mixed sizes, one after the other.

    They lie in chunks of equal length, each image within one of them. Two numbers then say where it is, and both
    stay within 32 bits however large the set: indices that a device without 64-bit integers can use.

    Attributes:
        channels: channels of every image.
        dtype: of every image.
        fingerprint: of the images and the layout.
        pixels: a read-only map of the file: [chunks, values in a chunk].
    """

    def __init__(self, folder: Path) -> None:
        """Maps a finished set; raises OSError, ValueError or KeyError if a file is missing, cut short or damaged."""
        info = json.loads((folder / _INFO).read_text())
        self.channels: int = info["channels"]
        self.dtype = np.dtype(info["dtype"])
        self.fingerprint: str = info["fingerprint"]
        self.pixels = np.asarray(np.memmap(folder / _PIXELS, self.dtype, "r", shape=tuple(info["shape"])))
        self._chunks, self._offsets, self._heights, self._widths = np.ascontiguousarray(np.load(folder / _PLACES).T)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """One image, [H, W, channels], of the file: it cannot be written to."""
        height, width, offset = int(self._heights[index]), int(self._widths[index]), int(self._offsets[index])
        values = self.pixels[self._chunks[index], offset : offset + height * width * self.channels]
        return values.reshape(height, width, self.channels)

    def locate(self, draws: Draws, crop: tuple[int, int]) -> NDArray[np.int32]:
        """Finds the crops of a batch, of some height and width (px), in `pixels`.

        Returns:
            [rows, 3]: which chunk, the place of the crop's first value in it, and the values from one row of the image
            to the next.
        """
        index, channels = draws.photograph, self.channels
        heights, widths = self._heights[index], self._widths[index]
        top = (draws.down * (heights - crop[0] + 1)).astype(np.int32)
        left = (draws.right * (widths - crop[1] + 1)).astype(np.int32)
        starts = self._offsets[index] + channels * (top * widths + left)
        return np.stack([self._chunks[index], starts, channels * widths], -1)


def cut_crops(images: SizedSource | DecodedSet, draws: Draws, crop: tuple[int, int]) -> NDArray[Any]:
    """Copies the crops of a batch, of some height and width (px), not mirrored: [rows, height, width, channels]."""
    height, width = crop
    crops = np.empty((len(draws.photograph), height, width, images.channels), images.dtype)
    for cut, number, down, right in zip(crops, draws.photograph.tolist(), draws.down, draws.right, strict=True):
        image = images[number]
        top, left = int(down * (image.shape[0] - height + 1)), int(right * (image.shape[1] - width + 1))
        cut[...] = image[top : top + height, left : left + width]
    return crops


def decoded_set(
    source: SizedSource, cache_dir: Path, num_threads: int, notify: Callable[[str], object] = _logger.info
) -> DecodedSet:
    """Opens the decoded form of a source, kept in `cache_dir`; it is made now if it is missing or of other images.

    It takes the place of an older one of the same name. Several processes may ask at once: one makes it, and `notify`
    is told in one line each how far that is.

    Raises:
        DoesNotFitError: if the disk has no room for it.
        UserError: if the folder cannot be written to, or an image cannot be had.
    """
    folder = cache_dir / source.name
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with folder.with_name(folder.name + ".lock").open("w") as lock:
            if not files.lock(lock):
                notify(f"waiting for another process, which is decoding images into {cache_dir}")
                files.lock(lock, wait=True)
            fingerprint = f"{_LAYOUT}-{source.fingerprint()}"
            if not _is_there(folder, fingerprint):
                notify(f"decoding {len(source):,} images, once for this and later runs, into {folder}")
                _make(source, folder, fingerprint, num_threads, notify)
            return DecodedSet(folder)
    except OSError as error:
        raise UserError(
            f"the decoded images cannot be kept in {cache_dir} ({error.strerror}): give another folder with"
            " --config.data.cache_dir=DIR, or --config.data.cache=none to decode them again in every epoch"
        ) from error


def _is_there(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds the set of these images; a warning says if it is damaged."""
    try:
        return DecodedSet(folder).fingerprint == fingerprint
    except (OSError, ValueError, KeyError) as error:
        if folder.exists():
            _logger.warning("the decoded images in %s are damaged (%s): they are decoded again", folder, error)
        return False


def _make(
    source: SizedSource, folder: Path, fingerprint: str, num_threads: int, notify: Callable[[str], object]
) -> None:
    """Decodes all images into a folder, which appears under its name once it is whole."""
    partial = folder.with_name(folder.name + ".partial")
    for leftover in (partial, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    try:
        with (partial / _PIXELS).open("wb") as file:
            shape, places = _write(source, num_threads, notify, file)
            file.flush()
            os.fsync(file.fileno())
        np.save(partial / _PLACES, places)
        info = {"fingerprint": fingerprint, "shape": shape, "channels": source.channels, "dtype": source.dtype.name}
        (partial / _INFO).write_text(json.dumps(info))
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write(
    source: SizedSource, num_threads: int, notify: Callable[[str], object], file: BinaryIO
) -> tuple[tuple[int, int], NDArray[np.int32]]:
    """Writes the images chunk by chunk.

    Returns:
        (chunks, values in a chunk), and for each image its chunk, its offset in it (in values), its height and its
        width.
    """
    chunk_values = max(source.max_values, min(_IMAGES_PER_CHUNK * source.max_values, _LARGEST_CHUNK))
    count, size = len(source), source.dtype.itemsize
    places = np.empty((count, 4), np.int32)
    chunk, offset = 0, 0
    for number, image in enumerate(_decoded(source, num_threads, notify)):
        if number == _DECODED_AT_ONCE:  # from which follows what all take
            _check_room(Path(file.name).parent, (chunk * chunk_values + offset) * size * count / number)
        if offset + image.size > chunk_values:
            file.write(bytes((chunk_values - offset) * size))
            chunk, offset = chunk + 1, 0
        places[number] = chunk, offset, *image.shape[:2]
        file.write(image.tobytes())
        offset += image.size
    file.write(bytes((chunk_values - offset) * size))
    return (chunk + 1, chunk_values), places


def _decoded(source: SizedSource, num_threads: int, notify: Callable[[str], object]) -> Iterator[NDArray[Any]]:
    """All images of a source, in order."""
    count, told = len(source), time.monotonic()
    with ThreadPoolExecutor(num_threads) as pool:
        for first in range(0, count, _DECODED_AT_ONCE):
            if time.monotonic() > told + _SECONDS_BETWEEN_NOTES:
                notify(f"decoded {first:,} of {count:,} images")
                told = time.monotonic()
            yield from pool.map(source.__getitem__, range(first, min(first + _DECODED_AT_ONCE, count)))


def _check_room(folder: Path, wanted: float) -> None:
    """Makes sure that the disk of a folder has room for `wanted` bytes."""
    room = shutil.disk_usage(folder).free - _DISK_MARGIN
    if wanted > room:
        raise DoesNotFitError(
            f"decoded, the images take about {wanted / 1e9:,.1f} GB, and {folder.parent} has room for"
            f" {max(room, 0) / 1e9:,.1f}: give another folder with --config.data.cache_dir=DIR,"
            " or --config.data.cache=none to decode them again in every epoch"
        )
