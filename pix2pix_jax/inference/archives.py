"""Photographs of any file system, coloured by their paths: for engines that spread such work over machines."""

import os
import posixpath
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.trained import load_trained

_loaded = cache(load_trained)  # once in each process, and no part of what is pickled


@dataclass(frozen=True)
class ArchiveColorizer:
    """Colours batches of photographs by their paths: a callable, such as `ray.data.Dataset.map_batches` takes.

    Photographs are read and written whole, and keep format, size and metadata as on the command line. A result appears
    under its name when it is complete. One that is there is kept, so that work which is given out again, as after a
    machine has died, goes on where it ended.

    Attributes:
        root: a folder of any file system that fsspec knows, such as s3://bucket/scans or /archive; a path below it
            keeps its part from there on.
        out: the folder of the results, of any such file system. Where a format cannot hold colour, .png is added to
            the name: cat.gif.png.
        checkpoint: the generator, see `load_trained`; on every machine.
        seed: what dropout follows from, where the generator keeps it.
        overwrite: whether to replace results that are there.
    """

    root: str
    out: str
    checkpoint: str | None = None
    seed: int = 0
    overwrite: bool = False

    def __call__(self, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Colours the photographs whose paths, below `root`, are in the column `path`.

        Returns:
            Columns of the same length: `path`; `output`, the result's path, "" where there is none; `seconds`; and
            `error`, why a photograph could not be coloured, or "".

        Raises:
            UserError: if a path is not below `root`, or the generator cannot be read.
        """
        generator, rows = _loaded(self.checkpoint), []
        for path in map(str, batch["path"]):
            begin, output, error = time.perf_counter(), "", ""
            (reading, source), (writing, target) = _opened(path), _opened(self._target(path))
            try:
                output = self._existing(writing, target) or self._colored(generator, reading, source, writing, target)
            except (UserError, OSError) as failed:
                error = describe_failure(failed)
            rows.append((path, output, time.perf_counter() - begin, error))
        names = ("path", "output", "seconds", "error")
        return {name: np.array([row[place] for row in rows]) for place, name in enumerate(names)}

    def _target(self, path: str) -> str:
        inner = posixpath.relpath(_opened(path)[1], _opened(self.root)[1])
        if inner.startswith(os.pardir):
            raise UserError(f"{path} is not below {self.root}")
        return posixpath.join(self.out, inner)

    def _existing(self, files: Any, target: str) -> str:
        there = (name for name in (target, target + ".png") if not self.overwrite and files.exists(name))
        return next((files.unstrip_protocol(name) for name in there), "")

    def _colored(self, generator: Any, reading: Any, source: str, writing: Any, target: str) -> str:
        with TemporaryDirectory() as folder:
            name = Path(posixpath.basename(source))
            photo = Path(folder, name)
            photo.write_bytes(reading.cat_file(source))

            def place(wanted: Path) -> Path:
                return Path(folder, "made", name if wanted == name else f"{name}{wanted.suffix}")

            made, *_ = colorize_file(photo, name, generator, place, lambda _: None, seed=self.seed)
            parent = posixpath.dirname(target)
            target, temporary = (
                posixpath.join(parent, made.name),
                posixpath.join(parent, f".{secrets.token_hex(8)}.tmp"),
            )
            writing.makedirs(parent, exist_ok=True)
            writing.pipe_file(temporary, made.read_bytes())
        writing.mv(temporary, target)
        return writing.unstrip_protocol(target)


def _opened(path: str) -> tuple[Any, str]:
    """The file system of a path, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UserError("paths of any file system need fsspec: pip install 'pix2pix-jax[ray]'") from error
    return url_to_fs(path)
