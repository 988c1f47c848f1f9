"""Finding the photographs in a folder."""

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.photos import image_extensions, looks_like_an_image, open_image, unread_reason

_logger = logging.getLogger(__name__)

# Opening a header is mostly Python, which takes turns: two threads hide the waiting for the disk,
# more get into each other's way. A chunk is one thread's task.
_THREADS = 2
_CHUNK = 256

# A folder may hold thousands of damaged files: name the first few, count the rest.
_WARNINGS = 10

# Folders in which network drives, systems and bins keep copies and thumbnails, in small letters.
_NO_ALBUMS = ("@eadir", "#recycle", "@recycle", "$recycle.bin", "thumbs", "__macosx", ".appledouble", ".trash")

_NO_EXTENSION = "an image by its content and not by its name: give it the extension of its format"


@dataclass(frozen=True)
class FolderContents:
    """What was found in a folder.

    Attributes:
        root: the folder.
        files: readable photographs, sorted, relative to `root` with `/` between folders.
        skipped: files that look like images but cannot be read, or are of a format that is not, each with the reason.
    """

    root: Path
    files: tuple[str, ...]
    skipped: dict[str, str]


def scan_folder(root: str, *, flag: str, exclude: Path | None = None) -> FolderContents:
    """Finds every photograph in a folder and in the folders within it.

    A file counts by its extension, one of those Pillow reads. What is an image to others (HEIC, a camera's raw file) is
    skipped by name; anything else is left alone, and so is what is hidden (its name begins with a dot). Each file's
    header is read, so that files that are no images are known from the start; pixels are not decoded. Links are
    followed, each folder is visited once.

    Args:
        root: the folder; `~` stands for the home directory.
        flag: the flag that gave `root`, for messages.
        exclude: a folder within `root` to leave out, if any.

    Returns:
        The photographs, and what was skipped; a warning has named the skipped files.

    Raises:
        UserError: if `root` is not a folder, or holds no readable photograph.
    """
    folder = existing_folder(root, flag=flag)
    unread: dict[str, str] = {}
    names = sorted(walk_images(folder, exclude, unread=unread))
    skipped = _unreadable(folder, names)
    files = tuple(name for name in names if name not in skipped)
    warn_skipped(folder, skipped)
    warn_skipped(folder, unread)
    skipped |= unread
    if not files:
        unreadable = f" (of {len(skipped)} image files, none can be read)" if skipped else ""
        raise UserError(
            f"{flag}={root} holds no images{unreadable}; give a folder with photographs (JPEG, PNG, WebP and others)"
        )
    return FolderContents(folder, files, skipped)


def existing_folder(root: str, *, flag: str) -> Path:
    """A folder that the user gave.

    Args:
        root: the folder; `~` stands for the home directory.
        flag: the flag that gave `root`, for messages.

    Raises:
        UserError: if `root` is not a folder.
    """
    folder = typed_path(root, flag)
    if not folder.exists():
        raise UserError(f"{flag}={root}: there is no such folder; check the path")
    if not folder.is_dir():
        raise UserError(f"{flag}={root} is a file; give the folder that holds it")
    return folder


def describe_failure(error: Exception) -> str:
    """Why a file cannot be used, in a few words and on one line."""
    if isinstance(error, UnidentifiedImageError) and str(error).startswith("cannot identify"):
        return "not an image that can be read"
    return " ".join(str(error).split()) or type(error).__name__


def walk_images(
    folder: Path,
    exclude: Path | None = None,
    *,
    also: Collection[str] = (),
    deep: bool = True,
    unread: dict[str, str] | None = None,
) -> Iterator[str]:
    """Finds the files in a folder, and in the folders within it, that are images by their extension.

    What is hidden is left alone, and so are folders in which drives and bins keep their own; a warning counts the
    images in those. Links are followed.

    Args:
        folder: the folder.
        exclude: a folder within it to leave out, if any.
        also: extensions that count beside those Pillow reads, in small letters.
        deep: whether folders within it are searched too.
        unread: takes up the other files that are images, but not read, each with the reason.

    Yields:
        Their paths relative to the folder, with `/` between folders, in no order; none is opened.
    """
    extensions = image_extensions().union(also)
    visited = {exclude.resolve()} if exclude is not None else set()
    left_out = 0
    for directory, subfolders, names in os.walk(folder, onerror=_warn_of_folder, followlinks=True):
        resolved = Path(directory).resolve()
        if resolved in visited:  # left out, or a link in a circle
            subfolders.clear()
            continue
        visited.add(resolved)
        albums = []
        for name in subfolders if deep else ():
            if name.lower().startswith(_NO_ALBUMS):
                left_out += _count_images(Path(directory, name), extensions)
            elif not name.startswith("."):
                albums.append(name)
        subfolders[:] = sorted(albums)  # which of two links to a folder comes first must not depend on the machine
        relative = Path(directory).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in names:
            if name.startswith("."):
                continue
            if os.path.splitext(name)[1].lower() in extensions:
                yield prefix + name
            elif unread is not None and (reason := _reason_unread(Path(directory, name))):
                unread[prefix + name] = reason
    if left_out:
        _logger.warning("%s: %d images in folders of bins and drives (@eaDir and the like) left out", folder, left_out)


def _count_images(folder: Path, extensions: Collection[str]) -> int:
    """How many files in a folder, and in those within it, are images by their extension; links are not followed."""
    return sum(os.path.splitext(name)[1].lower() in extensions for *_, names in os.walk(folder) for name in names)


def _reason_unread(path: Path) -> str | None:
    """Why a file without an extension of images is passed over, if it is an image all the same."""
    if reason := unread_reason(path):
        return reason
    known = os.path.splitext(path)[1].lower() in Image.registered_extensions()
    return None if known or not path.is_file() or not looks_like_an_image(path) else _NO_EXTENSION


def _unreadable(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The files whose header cannot be read, each with the reason."""
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    with ThreadPoolExecutor(_THREADS) as pool:
        failures = pool.map(lambda chunk: _check_headers(folder, chunk), chunks)
        return {name: reason for found in failures for name, reason in found}


def _check_headers(folder: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """Names and reasons of those files whose header cannot be read."""
    failures = []
    for name in names:
        try:
            with open_image(folder / name):
                pass
        except Exception as error:  # Pillow's plugins do not agree on a type
            failures.append((name, describe_failure(error)))
    return failures


def _warn_of_folder(error: OSError) -> None:
    """Names a folder that cannot be listed."""
    _logger.warning("skipping folder %s: %s", error.filename, error.strerror)


def warn_skipped(folder: Path, skipped: dict[str, str]) -> None:
    """Names the files of a folder that were skipped, each with its reason: the first few, where there are many."""
    for name, reason in list(skipped.items())[:_WARNINGS]:
        _logger.warning("skipping %s: %s", folder / name, reason)
    if len(skipped) > _WARNINGS:
        _logger.warning("skipping %d more files in %s", len(skipped) - _WARNINGS, folder)
