"""Any folder of photographs as a source, a part of it held out for judging."""

import hashlib
import math
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.sources.files import FileSource
from pix2pix_jax.data.sources.scan import FolderContents, scan_folder
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import read_image


class FolderSource(FileSource):
    """Photographs in files, decoded when they are asked for; see `FileSource`."""

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
        super().__init__(root, files, skipped)
        self._shorter_side = shorter_side

    def fingerprint(self) -> str:
        """From the files' names, sizes and times; see `ImageSource`."""
        return self._digest(str(self._shorter_side), lambda status: f"{status.st_size} {status.st_mtime_ns}")

    def identity(self) -> str:
        """From the files' names and sizes; see `ImageSource`."""
        return self._digest("", lambda status: f"{status.st_size}")

    def _digest(self, begin: str, describe: Callable[[os.stat_result], str]) -> str:
        digest = hashlib.sha256(begin.encode())
        for name in self.files:
            try:
                state = describe((self.root / name).stat())
            except OSError:  # gone since the folder was searched
                state = "none"
            digest.update(os.fsencode(f"\0{name}\0{state}"))
        return digest.hexdigest()

    def _read(self, index: int) -> NDArray[np.uint8]:
        return read_image(self.root / self.files[index], self._shorter_side)


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
    return _source(contents, by_checksum(contents.files), shorter_side)


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
            _source(held_out, by_checksum(held_out.files), shorter_side),
        )

    check_fraction(eval_fraction, "photographs")
    contents = scan_folder(root, flag="--config.data.root")
    train_files, eval_files = hold_out(contents.files, eval_fraction, root, "photographs")
    # What was skipped is told once, by the source that is trained on.
    eval_source = FolderSource(contents.root, eval_files, shorter_side=shorter_side)
    return _source(contents, train_files, shorter_side), eval_source


def _source(contents: FolderContents, files: Sequence[str], shorter_side: int) -> FolderSource:
    """A source of some of a folder's photographs."""
    return FolderSource(contents.root, files, shorter_side=shorter_side, skipped=contents.skipped)


def check_fraction(fraction: float, noun: str) -> None:
    """Makes sure that a fraction of the images, called `noun`, can be held out; raises UserError if it cannot."""
    if not 0 < fraction < 1:
        raise UserError(
            f"data.eval_fraction={fraction}: wanted a fraction between 0 and 1, such as 0.02, "
            f"or {noun} to judge on in --config.data.eval_root=DIR"
        )


def hold_out(names: Sequence[str], fraction: float, root: str, noun: str) -> tuple[list[str], list[str]]:
    """Splits images by the CRC-32 of their names.

    Args:
        names: what is split.
        fraction: part to hold out, in (0, 1), rounded up.
        root: the folder that the user gave.
        noun: what the images are, for messages.

    Returns:
        Those to train on, sorted; and those held out, in the order of their checksums.

    Raises:
        UserError: if none is left to train on.
    """
    count = math.ceil(fraction * len(names))
    if count == len(names):
        raise UserError(
            f"--config.data.root={root}: holding out {count} of its {len(names)} {noun} leaves none to train on; "
            f"add {noun}, or give those to judge on in --config.data.eval_root=DIR"
        )
    held_out = by_checksum(names)[:count]
    return sorted(set(names).difference(held_out)), held_out


def by_checksum(files: Iterable[str]) -> list[str]:
    """Paths in the order of their CRC-32: as good as random, and the same everywhere."""
    return sorted(files, key=lambda name: (zlib.crc32(os.fsencode(name)), name))
