"""Folders that look like the two sides of pairs, where images were expected that hold both sides."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from pix2pix_jax.errors import UserError


def stem_of(name: str) -> str:
    """A file's name without the extension, the same for the two ways in which systems write an accent."""
    return unicodedata.normalize("NFC", os.path.splitext(name)[0])


def check_no_twins(names: Iterable[str], prefix: str, given: str, is_known: Callable[[str], bool]) -> None:
    """Makes sure that no two folders, side by side, hold files of the same names.

    Args:
        names: paths of all images that would be taken as both sides in one, with `/` between folders.
        prefix: what stands before them, for messages.
        given: the flag and the folder that the user gave.
        is_known: whether a folder's name is one that says what is in it, such as "A" or "train".

    Raises:
        UserError: if two do, and share at least half of the files of one; names both.
    """
    if not (twins := _twins(names)):
        return
    first, second = (prefix + folder for folder in twins)
    parent = os.path.dirname(first)
    remedy = (
        "if they are the two sides of pairs, call them A and B; if each image holds both sides, give the files of one"
        " folder other names"
    )
    if parent and all(is_known(Path(folder).name) for folder in twins):
        remedy = f"give the folder {parent} within it instead"
    raise UserError(
        f"{given} holds the folders {first} and {second}, whose files have the same names: {remedy} (see docs/pairs.md"
        " for the layouts)"
    )


def _twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Two folders that differ in one name alone and share at least half of the files of one; the outermost such."""
    first_with: dict[tuple[str, str], str] = {}  # by what comes before a folder's name and after it
    totals: Counter[tuple[int, str]] = Counter()
    shared: Counter[tuple[int, str, str]] = Counter()
    for stem in sorted(map(stem_of, names)):
        parts = stem.split("/")
        for depth in range(len(parts) - 1):
            before, after = "/".join(parts[:depth]), "/".join(parts[depth + 1 :])
            folder = f"{before}/{parts[depth]}".lstrip("/")
            totals[depth, folder] += 1
            if (first := first_with.setdefault((before, after), folder)) != folder:
                shared[depth, first, folder] += 1
    found = [
        (depth, first, second)
        for (depth, first, second), count in shared.items()
        if 2 * count >= min(totals[depth, first], totals[depth, second])
    ]
    return min(found)[1:] if found else None
