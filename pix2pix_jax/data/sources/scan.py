"""Finding the photographs in a folder."""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from PIL import UnidentifiedImageError

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.photos import image_extensions, looks_like_an_image, open_image, unread_reason

_logger = logging.getLogger(__name__)

# Opening a header is mostly Python: two threads hide the waiting for the disk, and more wait for each other.
_THREADS = 2
_CHUNK = 256  # files that a thread takes at a time

# A folder may hold thousands of damaged files: name the first few, count the rest.
_WARNINGS = 10

# Folders in which network drives, systems and bins keep copies and thumbnails, in small letters.
_NOT_ALBUMS = ("@eadir", "#recycle", "@recycle", "$recycle.bin", "thumbs", "__macosx", ".appledouble", ".trash")

_Found = TypeVar("_Found")


def scan_folder(root: str, *, flag: str, exclude: Path | None = None) -> tuple[Path, list[str], dict[str, str]]:
    """Finds the photographs in a folder whose header can be read; see `find_images`. A warning names the others.

    Args:
        root: the folder; `~` stands for the home directory.
        flag: the flag that gave `root`, for messages.
        exclude: a folder within `root` to leave out, if any.

    Returns:
        The folder; the photographs, sorted, relative to it; and the files that look like images but are not read, each
        with the reason.

    Raises:
        UserError: if `root` is not a folder, or holds no readable photograph.
    """
    folder = existing_folder(root, flag=flag)
    names, unread = find_images(folder, exclude)
    failures = read_each(lambda path: open_image(path).close(), folder, names)
    skipped = {name: reason for name, reason in zip(names, failures, strict=True) if reason} | unread
    warn_skipped(folder, skipped)
    files = [name for name in names if name not in skipped]
    if not files:
        unreadable = f" (of {len(skipped)} image files, none can be read)" if skipped else ""
        raise UserError(
            f"{flag}={root} holds no images{unreadable}; give a folder with photographs (JPEG, PNG, WebP and others)"
        )
    return folder, files, skipped


def existing_folder(root: str, *, flag: str) -> Path:
    """The folder that a flag gave, `~` being the home directory; raises UserError if it is none."""
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


def read_each(read: Callable[[Path], _Found], folder: Path, names: Sequence[str]) -> Iterator[_Found | str]:
    """Of each of a folder's files, in order, what `read` gives, or why it cannot be read; UserErrors are passed on."""

    def attempt(name: str) -> _Found | str:
        try:
            return read(folder / name)
        except UserError:
            raise
        except Exception as error:  # Pillow's plugins do not agree on a type
            return describe_failure(error)

    chunks = (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
    with ThreadPoolExecutor(_THREADS) as pool:
        for found in pool.map(lambda chunk: [attempt(name) for name in chunk], chunks):
            yield from found


def find_images(
    folder: Path, exclude: Path | None = None, also: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Finds the files in a folder, and in the folders within it, that are images by their extension.

    Hidden files are left out, and so are folders in which drives and bins keep their own; a warning counts the images
    in those. Links are followed, and each folder is visited once.

    Args:
        folder: where to search.
        exclude: a folder within it to leave out; not used if it is the same.
        also: extensions that count beside those Pillow reads, in small letters.

    Returns:
        The paths of what can be read by its extension, sorted, relative to the folder, with `/` between folders; and
        the other files that are images, each with the reason why it is not read.
    """

    def warn(error: OSError) -> None:
        _logger.warning("skipping folder %s: %s", error.filename, error.strerror)

    extensions = image_extensions().union(also)
    visited = {exclude.resolve()} - {folder.resolve()} if exclude else set()
    found: list[str] = []
    unread: dict[str, str] = {}
    left_out = 0
    for directory, subfolders, names in os.walk(folder, onerror=warn, followlinks=True):
        resolved = Path(directory).resolve()
        if resolved in visited:  # left out, or a link in a circle
            subfolders.clear()
            continue
        visited.add(resolved)
        bins = [name for name in subfolders if name.lower().startswith(_NOT_ALBUMS)]
        walked = (files for name in bins for *_, files in os.walk(Path(directory, name)))
        left_out += sum(_extension(file) in extensions for files in walked for file in files)
        # Sorted, since which of two links to a folder comes first must not depend on the machine.
        subfolders[:] = sorted(name for name in subfolders if name not in bins and not name.startswith("."))
        relative = Path(directory).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in names:
            if name.startswith("."):
                continue
            if _extension(name) in extensions:
                found.append(prefix + name)
            elif reason := unread_reason(path := Path(directory, name)):
                unread[prefix + name] = reason
            elif path.is_file() and looks_like_an_image(path):
                unread[prefix + name] = "an image by its content: give it an extension"
    if left_out:
        _logger.warning("%s: %d images in folders of bins and drives (@eaDir and the like) left out", folder, left_out)
    return sorted(found), unread


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def warn_skipped(folder: Path, skipped: dict[str, str]) -> None:
    """Names the files of a folder that were skipped, each with its reason: the first few, where there are many."""
    for name, reason in list(skipped.items())[:_WARNINGS]:
        _logger.warning("skipping %s: %s", folder / name, reason)
    if len(skipped) > _WARNINGS:
        _logger.warning("skipping %d more files in %s", len(skipped) - _WARNINGS, folder)
