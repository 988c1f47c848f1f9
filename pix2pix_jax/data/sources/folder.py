"""Any folder of photographs as a source, a part of it held out for judging."""

import hashlib
import logging
import math
import os
import re
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.decode import read_image
from pix2pix_jax.data.sources.scan import FolderContents, describe_failure, scan_folder
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)


class FolderSource:
    """Photographs in files, decoded when they are asked for.

    A file whose damage only shows when it is decoded (one cut short, say) is passed over: the next
    sound photograph stands in for it, always the same one, and a warning names the file once.

    Attributes:
        root: the folder.
        files: paths of the photographs relative to `root`, with `/` between folders.
        skipped: image files passed over so far, each with the reason.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[str],
        *,
        shorter_side: int,
        skipped: Mapping[str, str] | None = None,
    ) -> None:
        """Makes a source of the named files.

        Args:
            root: the folder.
            files: paths relative to `root`, in the order in which they are numbered.
            shorter_side: what the photographs will be resized to, px; see `read_image`.
            skipped: files already found unreadable, each with the reason.
        """
        self.root = root
        self.files = tuple(files)
        self.skipped = dict(skipped or {})
        self._shorter_side = shorter_side
        self._damaged: set[str] = set()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The folder's name, and a checksum of where it lies; see `ImageSource`."""
        path = self.root.resolve()
        return f"{re.sub('[^A-Za-z0-9]+', '-', path.name)}-{zlib.crc32(os.fsencode(path)):08x}"

    def fingerprint(self) -> str:
        """From the files' names, sizes and times; see `ImageSource`."""
        digest = hashlib.sha256(str(self._shorter_side).encode())
        for name in self.files:
            try:
                status = (self.root / name).stat()
                state = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:  # gone since the folder was searched
                state = "none"
            digest.update(os.fsencode(f"\0{name}\0{state}"))
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def __len__(self) -> int:
        """Number of photographs; one not yet known to be damaged counts."""
        return len(self.files)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One photograph; see `ImageSource`.

        Raises:
            IndexError: if there is no photograph `index`.
            UserError: if not one of the files can be decoded.
        """
        count = len(self.files)
        first = range(count)[index]
        for offset in range(count):
            name = self.files[(first + offset) % count]
            if name in self._damaged:
                continue
            try:
                return read_image(self.root / name, self._shorter_side)
            except Exception as error:  # Pillow's plugins do not agree on a type
                self._pass_over(name, describe_failure(error))
        raise UserError(f"{self.root}: not one of {count} images can be decoded; give a folder with sound photographs")

    def _pass_over(self, name: str, reason: str) -> None:
        """Notes that a file cannot be decoded, and says so the first time."""
        with self._lock:
            if name in self._damaged:
                return
            self._damaged.add(name)
            self.skipped[name] = reason
        _logger.warning("passing over %s: %s", self.root / name, reason)


def open_folder(root: str, flag: str, *, shorter_side: int) -> FolderSource:
    """Opens all photographs of a folder, in the order of their checksums, so that the first few are a fair sample.

    Args:
        root: the folder, searched with all folders within it.
        flag: the flag that gave it, for messages.
        shorter_side: what the photographs will be resized to, px; see `read_image`.

    Returns:
        The source.

    Raises:
        UserError: if there is no such folder, or no readable photograph in it.
    """
    contents = scan_folder(root, flag=flag)
    return _source(contents, _by_checksum(contents.files), shorter_side)


def open_folders(
    root: str, eval_root: str, eval_fraction: float, *, shorter_side: int
) -> tuple[FolderSource, FolderSource]:
    """Opens a folder of photographs for training, and photographs held out of it for judging.

    With `eval_root`, all of its photographs are held out; where it lies inside `root`, training
    leaves it out. Without, a fraction of `root`'s photographs is: those whose path has the smallest
    CRC-32, so that the choice does not depend on the machine, and hardly changes when photographs
    are added. Held-out photographs are numbered in that order too, which makes the first few of
    them a fair sample.

    Args:
        root: the folder to train on, searched with all folders within it.
        eval_root: the folder to judge on; empty for a fraction of `root`.
        eval_fraction: part of `root`'s photographs to hold out, in (0, 1), rounded up; not used
            with `eval_root`.
        shorter_side: what the photographs will be resized to, px; see `read_image`.

    Returns:
        The source to train on, sorted by path, and the one to judge on.

    Raises:
        UserError: if a folder is missing, holds no readable photograph, or leaves none to train on.
    """
    if eval_root:
        held_out = scan_folder(eval_root, flag="--config.data.eval_root")
        if Path(root).expanduser().resolve().is_relative_to(held_out.root.resolve()):
            raise UserError(
                f"--config.data.root={root} lies in --config.data.eval_root={eval_root}: what is "
                "judged on must not be trained on; give two folders, neither holding the first"
            )
        contents = scan_folder(root, flag="--config.data.root", exclude=held_out.root)
        return (
            _source(contents, contents.files, shorter_side),
            _source(held_out, _by_checksum(held_out.files), shorter_side),
        )

    if not 0 < eval_fraction < 1:
        raise UserError(
            f"data.eval_fraction={eval_fraction}: wanted a fraction between 0 and 1, such as 0.02, "
            "or photographs to judge on in --config.data.eval_root=DIR"
        )
    contents = scan_folder(root, flag="--config.data.root")
    count = math.ceil(eval_fraction * len(contents.files))
    if count == len(contents.files):
        raise UserError(
            f"--config.data.root={root}: holding out {count} of its "
            f"{len(contents.files)} photographs leaves none to train on; "
            "add photographs, or give those to judge on in --config.data.eval_root=DIR"
        )
    eval_files = _by_checksum(contents.files)[:count]
    train_files = sorted(set(contents.files).difference(eval_files))
    # What was skipped is told once, by the source that is trained on.
    eval_source = FolderSource(contents.root, eval_files, shorter_side=shorter_side)
    return _source(contents, train_files, shorter_side), eval_source


def _source(contents: FolderContents, files: Sequence[str], shorter_side: int) -> FolderSource:
    """A source of some of a folder's photographs."""
    return FolderSource(contents.root, files, shorter_side=shorter_side, skipped=contents.skipped)


def _by_checksum(files: Iterable[str]) -> list[str]:
    """Paths in the order of their CRC-32: as good as random, and the same everywhere."""
    return sorted(files, key=lambda name: (zlib.crc32(os.fsencode(name)), name))
