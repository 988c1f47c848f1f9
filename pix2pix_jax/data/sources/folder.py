"""Any folder of photographs as a source, a part of it held out for evaluation."""

import hashlib
import math
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.sources.files import FileSource, state_of
from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import read_image


class FolderSource(FileSource):
    """Photographs in files, decoded when they are asked for; see `FileSource`."""

    def __init__(
        self, root: Path, files: Sequence[str], skipped: Mapping[str, str] | None = None, *, shorter_side: int
    ) -> None:
        """As `FileSource`; `shorter_side` is what the photographs will be resized to, px, see `read_image`."""
        super().__init__(root, files, skipped)
        self._shorter_side = shorter_side

    def fingerprint(self) -> str:
        """From the files' names, sizes and times; see `ImageSource`."""
        return self._digest(str(self._shorter_side), 2)

    def identity(self) -> str:
        """From the files' names and sizes; see `ImageSource`."""
        return self._digest("", 1)

    def _digest(self, begin: str, count: int) -> str:
        digest = hashlib.sha256(begin.encode())
        for name in self.files:
            state = " ".join(map(str, state_of(self.root / name)[:count]))
            digest.update(os.fsencode(f"\0{name}\0{state}"))
        return digest.hexdigest()

    def _read(self, index: int) -> NDArray[np.uint8]:
        return read_image(self.root / self.files[index], self._shorter_side)


def open_folder(root: str, flag: str, *, shorter_side: int) -> FolderSource:
    """Opens all photographs of a folder, in the order of their checksums, so that the first few are a fair sample.

    The arguments and errors are those of `scan_folder` and `FolderSource`.
    """
    folder, files, skipped = scan_folder(root, flag=flag)
    return FolderSource(folder, by_checksum(files), skipped, shorter_side=shorter_side)


def open_folders(
    root: str, eval_root: str, eval_fraction: float, *, shorter_side: int
) -> tuple[FolderSource, FolderSource]:
    """Opens a folder of photographs for training, and photographs held out of it for evaluation.

    With `eval_root`, all of its photographs are held out; where it lies inside `root`, training leaves it out. Without,
    a fraction of `root`'s photographs is, see `hold_out`.

    Args:
        root: the folder to train on, searched with all folders within it.
        eval_root: the folder to evaluate on; empty for a fraction of `root`.
        eval_fraction: that fraction, in (0, 1); not used with `eval_root`.
        shorter_side: what the photographs will be resized to, px; see `read_image`.

    Returns:
        The source to train on, sorted by path, and the one to evaluate on, in the order of checksums.

    Raises:
        UserError: if a folder is missing, holds no readable photograph, or leaves none to train on.
    """
    if eval_root:
        held_out = open_folder(eval_root, "--config.data.eval_root", shorter_side=shorter_side)
        if Path(root).expanduser().resolve().is_relative_to(held_out.root.resolve()):
            raise UserError(
                f"--config.data.root={root} lies in --config.data.eval_root={eval_root}: what is "
                "evaluated on must not be trained on; give two folders, neither holding the first"
            )
        folder, files, skipped = scan_folder(root, flag="--config.data.root", exclude=held_out.root)
    else:
        folder, names, skipped = scan_folder(root, flag="--config.data.root")
        files, eval_files = hold_out(names, eval_fraction, root, "photographs")
        # What was skipped is told once, by the source that is trained on.
        held_out = FolderSource(folder, eval_files, shorter_side=shorter_side)
    return FolderSource(folder, files, skipped, shorter_side=shorter_side), held_out


def hold_out(names: Sequence[str], fraction: float, root: str, noun: str) -> tuple[list[str], list[str]]:
    """Splits names by their CRC-32, so that the same are held out everywhere, and after additions.

    The fraction held out, in (0, 1), is rounded up. Messages name `root`, which the user gave, and call the images
    `noun`.

    Returns:
        Those to train on, sorted; and those held out, in the order of their checksums.

    Raises:
        UserError: if none is left to train on, or none held out.
    """
    if not 0 < fraction < 1:
        raise UserError(
            f"data.eval_fraction={fraction}: wanted a fraction between 0 and 1, such as 0.02, "
            f"or {noun} to evaluate on in --config.data.eval_root=DIR"
        )
    count = math.ceil(fraction * len(names))
    if count == len(names):
        raise UserError(
            f"--config.data.root={root}: holding out {count} of its {len(names)} {noun} leaves none to train on; "
            f"add {noun}, or give those to evaluate on in --config.data.eval_root=DIR"
        )
    held_out = by_checksum(names)[:count]
    return sorted(set(names).difference(held_out)), held_out


def by_checksum(files: Iterable[str]) -> list[str]:
    """Paths in the order of their CRC-32: as good as random, and the same everywhere."""
    return sorted(files, key=lambda name: (zlib.crc32(os.fsencode(name)), name))
