"""Which name belongs to which image: given once, and kept in the folder of the results.

A name must not depend on what else is in a batch, or a batch that has grown would go on with other names. Names that
keep the folders that were typed would do, but scripts expect the result of `a/b.jpg` to be `b.jpg`.
"""

import argparse
import json
import os
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import lock, writing

RECORD = ".pix2pix-names.jsonl"
"""The file in OUT that keeps the names: on each line a name, the name that was wanted, and the image's path from OUT.

Lines are only ever appended, under a lock, so that several processes can share a folder; of two lines with one name the
first counts.
"""


class Item(NamedTuple):
    """What one image is generated from. Text, for a folder may hold a million: as paths they take twice the memory.

    Attributes:
        files: one or more.
        name: its path relative to OUT.
    """

    files: tuple[str, ...]
    name: str


class AlreadyMadeError(UserError):
    """An image is there already, and is to be kept."""


def is_results(folder: Path) -> bool:
    """Whether a folder is the OUT of an earlier run, which gave names there."""
    record = folder / RECORD
    return record.is_file() and record.stat().st_size > 0


class Targets:
    """Where images go, so that none replaces what is not its own.

    Names are given before any file is read. An image that can keep its name gets it, the others a free one. Names that
    differ only in case count as one, as many disks take them.
    """

    def __init__(self, options: argparse.Namespace, items: Iterable[Item], rename: Callable[[Path], Path]) -> None:
        """Takes the options of `images.add_arguments`, everything to be read, and what an extension becomes."""
        self._options = options
        self._resolve = cache(os.path.realpath)
        self._out = os.path.realpath(options.out)
        self._from_out = cache(lambda folder: os.path.relpath(self._resolve(folder), self._out))
        renamed = cache(lambda extension: rename(Path("x" + extension)).name[1:])
        names = ((item, *os.path.splitext(item.name)) for item in items)
        self._wanted = {item: stem + renamed(extension) for item, stem, extension in names}
        # Files that this run must not replace, except by their results; all that is written lies in OUT.
        inside, files = _folded(os.path.join(self._out, "")), (file for item in self._wanted for file in item.files)
        self._inputs = {place: file for file in files if (place := _folded(self._place(file))).startswith(inside)}
        self._names: dict[Item, str] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        self._lock = threading.Lock()
        self._claim(sorted(self._wanted, key=lambda item: self._wanted[item] != item.name))

    def place(self, item: Item, name: Path) -> Path:
        """Where an image goes; `name` is its path relative to OUT, if that is not another's.

        Raises:
            AlreadyMadeError: if it is there already, and is to be kept.
            UserError: if it is the file itself, or outside of OUT.
        """
        if str(name) != self._wanted[item]:  # the content asks for another format than the name does
            with self._lock:
                self._wanted[item] = str(name)
                self._claim([item])
        options = self._options
        target = options.out / self._names[item]
        if not target.parent.resolve().is_relative_to(self._out):  # by way of `..` or of a link
            raise UserError(f"{target} lies outside {options.out}, and is not written")
        if original := self._inputs.get(_folded(self._place(target))):
            if options.replace_originals and options.overwrite:
                return target.resolve()  # of a link, the photograph itself
            raise UserError(
                f"{original} would be replaced by its result: give another --out, or --overwrite with"
                " --replace-originals"
            )
        if os.path.lexists(target) and not options.overwrite:
            raise AlreadyMadeError(f"{target} is there already")
        return target

    def _claim(self, items: Iterable[Item]) -> None:
        """Gives each image the name that it was given before, or else a free one, and records that."""
        path = Path(self._out, RECORD)
        with writing(path), path.open("a+", encoding="ascii", errors="replace") as file:
            lock(file, wait=True)
            file.seek(0)
            owners, earlier = _recorded(file)
            separator = "\n"  # for the last line may have been cut off
            for item in items:
                folder, base = os.path.split(item.files[0])
                wanted, source = self._wanted[item], os.path.normpath(os.path.join(self._from_out(folder), base))
                owner = hash((wanted, source))
                names = chain(earlier.get(owner, ()), self._alternatives(item))
                self._names[item] = name = next(name for name in names if self._may_have(item, owner, name, owners))
                if _folded(name) not in owners and not self._is_own(item, name):
                    owners[_folded(name)] = owner
                    file.write(separator + json.dumps([name, wanted, source]) + "\n")
                    separator = ""

    def _alternatives(self, item: Item) -> Iterator[str]:
        """Names for an image: cat.png for cat.gif, or else cat.gif.png, cat-2.png, cat-3.png and on."""
        wanted = self._wanted[item]
        stem, suffix = os.path.splitext(wanted)
        yield wanted
        if os.path.splitext(item.name)[1] != suffix:
            yield item.name + suffix
        # Of many images with one name, each begins where the one before it ended.
        for number in self._numbers.setdefault(_folded(wanted), count(2)):
            yield f"{stem}-{number}{suffix}"

    def _may_have(self, item: Item, owner: int, name: str, owners: Mapping[str, int]) -> bool:
        """Whether a name is that of no other image, neither of one that has it by the record nor of one to be read."""
        if self._is_own(item, name):
            return True
        is_input = self._inputs and _folded(self._place(os.path.join(self._out, name))) in self._inputs
        return not is_input and owners.get(_folded(name), owner) == owner

    def _is_own(self, item: Item, name: str) -> bool:
        """Whether a name is that of the image's own file, in place."""
        return bool(self._inputs) and self._place(os.path.join(self._out, name)) in map(self._place, item.files)

    def _place(self, file: str | Path) -> str:
        """Where a file is, by which two paths to it are known as one; a link as the last part stays one."""
        folder, name = os.path.split(file)
        return os.path.join(self._resolve(folder), name)


def _recorded(lines: Iterable[str]) -> tuple[dict[str, int], dict[int, list[str]]]:
    """To whom names were given before, by name without case, as hashes; and who got another name than was wanted."""
    owners: dict[str, int] = {}
    earlier: dict[int, list[str]] = {}
    for line in lines:
        try:
            name, wanted, source = json.loads(line)
            owner, folded = hash((wanted, source)), _folded(name)
        except (AttributeError, RecursionError, TypeError, ValueError):  # cut off where the disk was full
            continue
        if owners.setdefault(folded, owner) == owner and name != wanted:
            earlier.setdefault(owner, [name])
    return owners, earlier


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
