"""Headers of all images of a folder, read once and kept, so that a later start opens none of the files."""

import hashlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix_jax.data.pairs.files import Header, read_header
from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)

# Raised when `Header` or how it is read changes.
_LAYOUT = 2

# As in `scan`: two threads hide the waiting for the disk, more get into each other's way.
_THREADS = 2
_CHUNK = 256

# So many headers take longer than a user waits without a word.
_MANY = 5_000


@dataclass(frozen=True)
class Index:
    """What is known of the images of a folder, by their paths relative to it.

    Attributes:
        headers: of those that can be read.
        states: size in bytes and time of the last change in ns of every file, as when its header was read.
        unreadable: the others, each with the reason.
    """

    headers: dict[str, Header]
    states: dict[str, tuple[int, int]]
    unreadable: dict[str, str]


def index_of(root: Path, folders: Sequence[str], names: Iterable[str], cache_dir: Path) -> Index:
    """Reads the headers of images, or takes those kept where the files have not changed since.

    Args:
        root: the folder.
        folders: the folders within it that hold the images, whose headers are kept together.
        names: paths of the images relative to `root`.
        cache_dir: the folder in which headers are kept; if it cannot be written to, none are.

    Raises:
        UserError: if a file's values are of a kind that nothing is known of.
    """
    digest = hashlib.sha256(os.fsencode("\0".join([str(root.resolve()), *folders]))).hexdigest()
    kept_at = cache_dir / f"headers-{digest[:16]}.json"
    states = {name: _state(f"{root}/{name}") for name in names}
    headers = _unchanged(_load(kept_at), states)
    new = [name for name in states if name not in headers]
    if len(new) > _MANY:
        print(f"reading what {len(new):,} image files in {root} say of their size, once", file=sys.stderr)
    found, unreadable = _read(root, new)
    headers |= found
    if found:
        _store(kept_at, {name: [*states[name], *header] for name, header in headers.items()})
    return Index(headers, states, unreadable)


def _unchanged(kept: dict[str, list[Any]], states: dict[str, tuple[int, int]]) -> dict[str, Header]:
    """The headers, among those kept, of files that are still as they were."""
    headers = {}
    known: dict[tuple[Any, ...], Header] = {}  # most images of a set are alike
    for name, (size, time) in states.items():
        if (entry := kept.get(name)) and entry[0] == size and entry[1] == time:
            header = tuple(entry[2:])
            headers[name] = known.get(header) or known.setdefault(header, Header(*header))
    return headers


def _state(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:  # a link to nothing, or gone since the folder was searched
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _read(root: Path, names: Sequence[str]) -> tuple[dict[str, Header], dict[str, str]]:
    """The headers of images that can be read, and why the others cannot."""
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    headers: dict[str, Header] = {}
    unreadable: dict[str, str] = {}
    # Filters are the whole process's, so they are set here and not in the threads.
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")
        for chunk in pool.map(lambda chunk: [_read_one(root / name) for name in chunk], chunks):
            for name, found in zip(names[len(headers) + len(unreadable) :], chunk, strict=False):
                if isinstance(found, str):
                    unreadable[name] = found
                else:
                    headers[name] = found
    return headers, unreadable


def _read_one(path: Path) -> Header | str:
    try:
        return read_header(path)
    except UserError:
        raise
    except Exception as error:  # Pillow's plugins do not agree on a type
        return describe_failure(error)


def _load(path: Path) -> dict[str, list[Any]]:
    """What is kept of each image: its state at the time, then its header; nothing if the file is of no use."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["layout"] != _LAYOUT:
            return {}
        if any(len(entry) != 2 + len(Header._fields) for entry in content["images"].values()):
            raise ValueError("an entry is too short or too long")
        return content["images"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _logger.warning("the sizes of images kept in %s are damaged (%s): they are read anew", path, error)
        return {}


def _store(path: Path, images: dict[str, list[Any]]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")  # of several processes, each writes its own
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"layout": _LAYOUT, "images": images}), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        _logger.warning("the sizes of images cannot be kept in %s (%s): the next start reads them anew", path, error)
