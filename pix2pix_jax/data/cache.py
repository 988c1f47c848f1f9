"""A whole set of photographs, decoded once and kept on the disk, from where it is mapped into memory."""

import fcntl
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pix2pix_jax.data.order import Draws
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.transforms import empty_images, fit, max_pixels
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)

# Raised when the files' layout or `fit` changes, so that older ones are not taken for it.
_LAYOUT = 1

# A chunk holds at least so many photographs, so that little of it stays empty.
_PHOTOGRAPHS_PER_CHUNK = 16

# Photographs decoded in one go: they wait in memory until they are written.
_DECODED_AT_ONCE = 256

# The disk is not filled to the last byte.
_DISK_MARGIN = 2**26

_PIXELS, _PLACES, _INFO = "pixels.bin", "places.npy", "info.json"


class DoesNotFitError(UserError):
    """The decoded set is larger than the place it was to be put in."""


class Crops(NamedTuple):
    """Where the crops of a batch lie within `DecodedSet.pixels`, each int32 [rows].

    Attributes:
        chunk: which chunk.
        start: place of the first byte in it.
        stride: bytes from one row of the crop to the next.
    """

    chunk: NDArray[np.int32]
    start: NDArray[np.int32]
    stride: NDArray[np.int32]


class DecodedSet:
    """Photographs of mixed sizes, one after the other.

    They lie in chunks of equal length, each photograph within one of them. Two numbers then say where it is, and both
    stay within 32 bits however large the set: indices that a device without 64-bit integers can use.

    Attributes:
        pixels: RGB in [0, 255], a read-only map of the file: uint8 [chunks, chunk bytes].
    """

    def __init__(self, folder: Path) -> None:
        """Maps a finished set; raises `OSError` or `ValueError` if a file is missing, cut short or damaged."""
        info = json.loads((folder / _INFO).read_text())
        places = np.load(folder / _PLACES)
        if places.shape != (info["photographs"], 4):
            raise ValueError(f"{_PLACES} has another number of photographs than {_INFO}")
        self.pixels = np.asarray(np.memmap(folder / _PIXELS, np.uint8, "r", shape=tuple(info["shape"])))
        self._chunks, self._offsets, self._heights, self._widths = np.ascontiguousarray(places.T)

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self._chunks)

    def locate(self, draws: Draws, image_size: int) -> Crops:
        """Finds the crops of a batch.

        Args:
            draws: what was drawn for it.
            image_size: side of the crops, px.
        """
        index = draws.photograph
        heights, widths = self._heights[index], self._widths[index]
        top = (draws.down * (heights - image_size + 1)).astype(np.int32)
        left = (draws.right * (widths - image_size + 1)).astype(np.int32)
        return Crops(self._chunks[index], self._offsets[index] + 3 * (top * widths + left), 3 * widths)

    def cut(self, crops: Crops, image_size: int) -> NDArray[np.uint8]:
        """Copies crops out of the set: uint8 RGB [rows, image_size, image_size, 3]."""
        made = empty_images((len(crops.chunk), image_size, image_size, 3))
        for crop, chunk, start, stride in zip(made, *(place.tolist() for place in crops), strict=True):
            # Several times faster than slicing, which matters where this is done for every crop.
            crop[...] = np.ndarray(crop.shape, np.uint8, self.pixels[chunk], start, (stride, 3, 1))
        return made


def decoded_set(source: ImageSource, image_size: int, resize: int, cache_dir: Path, num_threads: int) -> DecodedSet:
    """Opens the decoded form of a source, which is made now if it is missing, damaged or of other photographs.

    It takes the place of an older one of the same source and sizes. Several processes may ask at once: one makes it.

    Args:
        source: the photographs.
        image_size: side of the crops that will be cut, px.
        resize: what the photographs are reduced to; see `fit`.
        cache_dir: the folder in which decoded sets are kept, made where there is none.
        num_threads: threads that decode.

    Raises:
        DoesNotFitError: if the disk has no room for it.
        UserError: if the folder cannot be written to, or a photograph cannot be had.
    """
    folder = cache_dir / f"{source.name}_{image_size}_{resize}"
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(folder.name + ".lock")):
            fingerprint = f"{_LAYOUT}-{source.fingerprint()}"
            found = _open(folder, fingerprint)
            if found is None:
                _make(source, image_size, resize, folder, fingerprint, num_threads)
                found = DecodedSet(folder)
            return found
    except OSError as error:
        raise UserError(
            f"the decoded photographs cannot be kept in {cache_dir} ({error.strerror}): give another folder with"
            " --config.data.cache_dir=DIR, or --config.data.cache=none to decode them anew in every epoch"
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock; the system gives it back when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open(folder: Path, fingerprint: str) -> DecodedSet | None:
    """The set in a folder; None if there is none, or not of these photographs, or a damaged one, which is told."""
    if not folder.exists():
        return None
    try:
        if json.loads((folder / _INFO).read_text())["fingerprint"] != fingerprint:
            return None
        return DecodedSet(folder)
    except (OSError, ValueError, KeyError) as error:
        _logger.warning("the decoded photographs in %s are damaged (%s): they are made anew", folder, error)
        return None


def _make(source: ImageSource, image_size: int, resize: int, folder: Path, fingerprint: str, num_threads: int) -> None:
    """Decodes all photographs into a folder, which appears under its name once it is whole."""
    partial = folder.with_name(folder.name + ".partial")
    for leftover in (partial, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    try:
        with (partial / _PIXELS).open("wb") as file:
            photographs = _photographs(source, image_size, resize, num_threads, folder)
            shape, places = _write(photographs, len(source), _PHOTOGRAPHS_PER_CHUNK * 3 * max_pixels(resize), file)
            file.flush()
            os.fsync(file.fileno())
        np.save(partial / _PLACES, places)
        info = {"fingerprint": fingerprint, "photographs": len(source), "shape": shape}
        (partial / _INFO).write_text(json.dumps(info))
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _photographs(
    source: ImageSource, image_size: int, resize: int, num_threads: int, folder: Path
) -> Iterator[NDArray[np.uint8]]:
    """All photographs of a source, brought to size, in order."""
    count = len(source)
    print(f"decoding {count:,} photographs, once for this and later runs, into {folder}", file=sys.stderr)
    with ThreadPoolExecutor(num_threads) as pool, tqdm(total=count, unit=" photographs", disable=None) as bar:
        for first in range(0, count, _DECODED_AT_ONCE):
            numbers = range(first, min(first + _DECODED_AT_ONCE, count))
            yield from pool.map(lambda number: fit(source[number], image_size, resize), numbers)
            bar.update(len(numbers))


def _write(
    photographs: Iterator[NDArray[np.uint8]], count: int, chunk_bytes: int, file: BinaryIO
) -> tuple[tuple[int, int], NDArray[np.int32]]:
    """Writes photographs chunk by chunk.

    Returns:
        (chunks, chunk bytes), and for each photograph its chunk, its offset in it, its height and its width.
    """
    places = np.empty((count, 4), np.int32)
    chunk, offset = 0, 0
    for number, photo in enumerate(photographs):
        if number == _DECODED_AT_ONCE:
            _check_room(Path(file.name), (chunk * chunk_bytes + offset) * count // number)
        if offset + photo.nbytes > chunk_bytes:
            file.write(bytes(chunk_bytes - offset))
            chunk, offset = chunk + 1, 0
        places[number] = chunk, offset, *photo.shape[:2]
        file.write(photo.tobytes())
        offset += photo.nbytes
    file.write(bytes(chunk_bytes - offset))
    return (chunk + 1, chunk_bytes), places


def _check_room(path: Path, wanted: int) -> None:
    """Makes sure, from the photographs written so far, that the disk has room for all: `wanted` bytes."""
    room = shutil.disk_usage(path.parent).free - _DISK_MARGIN
    if wanted > room:
        raise DoesNotFitError(
            f"decoded, the photographs take about {wanted / 1e9:,.1f} GB, and {path.parent.parent} has room for"
            f" {max(room, 0) / 1e9:,.1f}: give another folder with --config.data.cache_dir=DIR,"
            " or --config.data.cache=none to decode them anew in every epoch"
        )
