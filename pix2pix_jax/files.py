"""Files and folders: written whole or not at all, and where the cache is."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pix2pix_jax.errors import UserError


def cache_home() -> Path:
    """`pix2pix_jax` in the user's folder for caches (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pix2pix_jax"


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
    """Writes a text file as UTF-8, whole or not at all; names of files that are no UTF-8 appear with escapes."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
