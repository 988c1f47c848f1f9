"""Files and folders: as users type them, written whole or not at all, and where the cache is."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pix2pix_jax.errors import UserError


def cache_home() -> Path:
    """`pix2pix_jax` in the user's folder for caches (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pix2pix_jax"


def typed_path(typed: str | os.PathLike[str], what: str) -> Path:
    """The file or folder that a user means, `~` being the home folder.

    Args:
        typed: what the user gave.
        what: the flag or key that gave it, for the message.

    Raises:
        UserError: if it is an address, such as gs://bucket/run, or a home folder that there is not.
    """
    text = os.fspath(typed)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):  # a single slash, since Path has dropped the other
        raise UserError(
            f"{what}={text} is an address, and only files and folders of this machine can be used: copy it here, or"
            " give the folder under which the bucket is mounted"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"{what}={text}: there is no such home folder") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it, an error of the file system becomes one that names the file, and how much room the disk has left.

    Args:
        path: the file that is written, or the folder that many are written into.

    Raises:
        UserError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {why_not_written(path, error)}") from error


def why_not_written(path: Path, error: Exception) -> str:
    """What is wrong, how much room is left where a file was to be written, and the remedy."""
    reason = (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())[:120]
    if os.strerror(errno.ENOSPC) in str(error):  # somewhere within a long message
        reason = os.strerror(errno.ENOSPC)
    try:
        room = f"; {shutil.disk_usage(path.parent).free / 1e6:,.1f} MB are free there"
    except OSError:
        room = ""
    return f"{reason}{room}: make room, or see to it that the folder can be written to, and give the same command"


def make_folder(folder: Path, flag: str) -> None:
    """Makes a folder where there is none, and sees that files can be made in it, before long work is begun.

    Args:
        folder: the folder.
        flag: the flag that gave it, for the message.

    Raises:
        UserError: if it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}): choose another {flag}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write a file under, which takes its place when the block ends, so that no reader sees half a file.

    Where the block or the file system fails, nothing is left behind, and what was there before is as it was.

    Args:
        path: the file.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes a text file as UTF-8, whole or not at all; names of files that are no UTF-8 appear with escapes.

    What was there before is replaced when all is on the disk.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
