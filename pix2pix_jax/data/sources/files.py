"""Images in files, each decoded when it is asked for, with a stand-in for one that is damaged."""

import logging
import os
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)


class FileSource(ABC):
    """Images in files, decoded when they are asked for.

    A file whose damage only shows when it is decoded is passed over: the next sound image stands in for it, always the
    same one, and a warning names the file once.

    Attributes:
        root: the folder.
        files: paths of the images relative to `root`, with `/` between folders, in the order of their numbers.
        skipped: image files passed over so far, each with the reason.
    """

    def __init__(self, root: Path, files: Sequence[str], skipped: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.files = tuple(files)
        self.skipped = dict(skipped or {})

    @property
    def name(self) -> str:
        """The folder's name, and a checksum of where it lies; see `ImageSource`."""
        path = self.root.resolve()
        return f"{re.sub('[^A-Za-z0-9]+', '-', path.name)[:100]}-{zlib.crc32(os.fsencode(path)):08x}"

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int, /) -> NDArray[Any]:
        """One image; see `ImageSource`.

        Raises:
            IndexError: if there is no image `index`.
            UserError: if not one of the files can be decoded.
        """
        count = len(self.files)
        first = range(count)[index]
        for offset in range(count):
            number = (first + offset) % count
            name = self.files[number]
            if name in self.skipped:
                continue
            try:
                return self._read(number)
            except UserError:
                raise
            except Exception as error:  # Pillow's plugins do not agree on a type
                reason = describe_failure(error)
                if self.skipped.setdefault(name, reason) is reason:  # and not another thread's
                    _logger.warning("passing over %s: %s", self.root / name, reason)
        named = self.files[0] + ", …" * (count > 1)
        raise UserError(f"{self.root}: not one of {count} images can be decoded ({named}): give sound ones")

    @abstractmethod
    def _read(self, index: int) -> NDArray[Any]:
        """Decodes one image; may raise anything if it is damaged."""


def state_of(path: Path) -> tuple[int, int]:
    """A file's size in bytes, and when it was changed last, in ns; (-1, -1) if it has gone."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
