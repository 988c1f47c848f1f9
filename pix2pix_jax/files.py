"""Files and folders: as users type them, written whole or not at all, and where the cache is."""

import contextlib
import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)


def cache_home() -> Path:
    """`pix2pix_jax` in the user's folder for caches (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else typed_path("~/.cache", "XDG_CACHE_HOME")) / "pix2pix_jax"


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

    Raises:
        UserError: if it cannot be made or written to; names the flag that gave it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}): choose another {flag}") from error


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool = True) -> Iterator[Path]:
    """Yields the name of an empty file beside `path`, which takes its place when the block ends: the one way to write.

    No reader sees half a file, and where the block or the file system fails, nothing is left behind, and what was there
    before is as it was. A file that is replaced hands on its mode and, where this process may set it, its owner.

    Args:
        path: the file. A link is replaced by a file, and what it points to stays.
        overwrite: whether to replace a file that is there.

    Raises:
        FileExistsError: if there is a file, and it is not to be replaced.
    """
    # Two processes may have the same number, as in two containers: what is random is nobody else's.
    temporary = path.with_name(f".pix2pix-{secrets.token_hex(8)}.tmp")
    old = path.stat() if overwrite and path.is_file() else None
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666 if old is None else 0o600)
    try:
        yield temporary
        if old is not None:
            with contextlib.suppress(OSError):
                os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
        os.fsync(descriptor)
        if overwrite:
            os.replace(temporary, path)
        else:
            _name_if_free(temporary, path)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _name_if_free(file: Path, name: Path) -> None:
    """Gives a file another name; raises FileExistsError if that is taken."""
    try:
        os.link(file, name)  # alone fails by itself where there is one
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as exFAT
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name)) from None
        os.replace(file, name)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as UTF-8, whole or not at all; file names that are not UTF-8 appear with escapes.

    Raises:
        UserError: if it cannot be written, see `writing`.
    """
    with writing(path), replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def lock(file: IO[str], wait: bool = False) -> bool:
    """Locks an open file until it is closed; the system takes the lock from a process that dies.

    Args:
        file: the file.
        wait: whether to wait for another process that holds the lock.

    Returns:
        False if another process holds it. True also on a drive that has no locks, of which a warning tells.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:  # ENOLCK or ENOSYS, as on some network drives
        _logger.warning("%s cannot be locked (%s): start one run after the other there", file.name, error.strerror)
    return True
