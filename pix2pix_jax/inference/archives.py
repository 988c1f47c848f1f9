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

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.trained import load_trained

_loaded = cache(load_trained)  # once in each process, and no part of what is pickled


@dataclass(frozen=True)
class ArchiveColorizer:
    """Colours batches of photographs by their paths: a callable, such as `ray.data.Dataset.map_batches` takes.

    Format, size and metadata are kept as on the command line. A result appears when it is complete, and one that is
    there is kept: work that is given out again, as after a machine has died, goes on where it ended.

    Attributes:
        root: a folder of any file system that fsspec knows, such as s3://bucket/scans; names are paths from there.
        out: the folder of the results, of any such file system. Where a format cannot hold colour, .png is added to
            the name: cat.gif.png.
        checkpoint: the generator, see `load_trained`; on every machine.
    """

    root: str
    out: str
    checkpoint: str | None = None

    def __call__(self, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Colours the photographs whose paths, below `root`, are in the column `path`.

        Returns the columns `path`, `output` (the result's path, or ""), `seconds` and `error` ("", or why there is
        none). Raises UserError if a path is not below `root`, or the generator cannot be read.
        """
        from fsspec.core import url_to_fs  # which Orbax brings

        generator, rows, root = _loaded(self.checkpoint), [], url_to_fs(self.root)[1]
        for path in map(str, batch["path"]):
            begin, output, error = time.perf_counter(), "", ""
            files, photo = url_to_fs(path)
            inner = posixpath.relpath(photo, root)
            if inner.split("/")[0] == os.pardir:
                raise UserError(f"{path} is not below {self.root}")
            try:
                output = _color(generator, files, photo, *url_to_fs(posixpath.join(self.out, inner)))
            except (UserError, OSError) as failed:
                error = str(failed)
            rows.append((path, output, time.perf_counter() - begin, error))
        names = ("path", "output", "seconds", "error")
        return {name: np.array([row[place] for row in rows]) for place, name in enumerate(names)}


def _color(generator: TrainedGenerator, source: Any, photo: str, out: Any, target: str) -> str:
    """Colours a photograph of one file system in another, unless that has it; gives the result's path."""
    if there := [name for name in (target, target + ".png") if out.exists(name)]:
        return out.unstrip_protocol(there[0])
    with TemporaryDirectory() as folder:
        file = Path(folder, posixpath.basename(photo))
        file.write_bytes(source.cat_file(photo))

        def place(name: Path) -> Path:
            return Path(folder, "made", name if name.name == file.name else file.name + name.suffix)

        made, *_ = colorize_file(file, Path(file.name), generator, place, lambda _: None)
        parent = posixpath.dirname(target)
        temporary, target = (posixpath.join(parent, name) for name in (f".{secrets.token_hex(8)}.tmp", made.name))
        out.makedirs(parent, exist_ok=True)
        out.pipe_file(temporary, made.read_bytes())
    out.mv(temporary, target)
    return out.unstrip_protocol(target)
