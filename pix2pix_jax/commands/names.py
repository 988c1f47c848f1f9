"""Which name belongs to which image: given once, and kept in the folder of the results.

A name must not depend on what else is in a batch, or a batch that has grown would go on with other names. Names that
keep the folders that were typed would do, but scripts expect the result of `a/b.jpg` to be `b.jpg`.
"""

import argparse
import json
import os
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


Owner = tuple[str, str]
"""Whose a name is: the name that was wanted, and the image's path from OUT."""


class Item(NamedTuple):
    """What one image is made of.

    Attributes:
        files: one or more.
        name: its path relative to OUT.
    """

    files: tuple[Path, ...]
    name: Path


class AlreadyMadeError(UserError):
    """An image is there already, and is to be kept."""


class Targets:
    """Where images go, so that none replaces what is not its own.

    Names are given before any file is read. An image that can keep its name gets it, the others a free one. Names that
    differ only in case count as one, as many disks take them.
    """

    def __init__(self, options: argparse.Namespace, items: Iterable[Item], rename: Callable[[Path], Path]) -> None:
        """Takes the options of `images.add_arguments`, everything to be read, and what a name becomes by itself."""
        self._options = options
        self._resolve = cache(Path.resolve)
        self._out = options.out.resolve()
        self._wanted = {item: rename(item.name) for item in items}
        # Files that this run must not replace, except by what is made of them.
        self._inputs = {_folded(self._place(file)): file for item in self._wanted for file in item.files}
        self._names: dict[Item, Path] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        self._claim(sorted(self._wanted, key=lambda item: self._wanted[item] != item.name))

    def place(self, item: Item, name: Path) -> Path:
        """Where an image goes; `name` is its path relative to OUT, if that is not another's.

        Raises:
            AlreadyMadeError: if it is there already, and is to be kept.
            UserError: if it is the file itself, or outside of OUT, or there already.
        """
        from pix2pix_jax.inference import photo_files

        if name != self._wanted[item]:  # the content asks for another format than the name does
            self._wanted[item] = name
            self._claim([item])
        options = self._options
        target = options.out / self._names[item]
        if not target.parent.resolve().is_relative_to(self._out):  # by way of `..` or of a link
            raise UserError(f"{target} lies outside {options.out}, and is not written")
        if original := self._inputs.get(_folded(self._place(target))):
            if options.replace_originals and options.overwrite:
                return target.resolve()  # of a link, the photograph itself
            raise UserError(
                f"{original} would be replaced by what is made of it: give another --out, or --overwrite with"
                " --replace-originals"
            )
        if os.path.lexists(target):
            if options.skip_existing:
                raise AlreadyMadeError
            if not options.overwrite:
                raise photo_files.already_there(target)
        return target

    def _claim(self, items: Iterable[Item]) -> None:
        """Gives each image the name that it was given before, or else a free one, and records that."""
        path = self._out / RECORD
        with writing(path), path.open("a+", encoding="ascii", errors="replace") as file:
            lock(file, wait=True)
            file.seek(0)
            owners = _recorded(file)
            earlier = {owner: [name] for name, owner in reversed(owners.values())}
            lines = []
            for item in items:
                owner = str(self._wanted[item]), os.path.relpath(self._place(item.files[0]), self._out)
                names = chain(earlier.get(owner, ()), self._alternatives(item))
                self._names[item] = name = next(name for name in names if self._may_have(item, owner, name, owners))
                if _folded(name) not in owners and not self._is_own(item, name):
                    owners[_folded(name)] = name, owner
                    lines.append(json.dumps([str(name), *owner]) + "\n")
            if lines:
                file.write("\n" + "".join(lines))

    def _alternatives(self, item: Item) -> Iterator[Path]:
        """Names for an image: cat.png for cat.gif, or else cat.gif.png, cat-2.png, cat-3.png and on."""
        own, wanted, suffix = item.name, self._wanted[item], self._wanted[item].suffix
        yield wanted
        if own.suffix != suffix:
            yield own.with_name(own.name + suffix)
        # Of many images with one name, each begins where the one before it ended.
        for number in self._numbers.setdefault(_folded(wanted), count(2)):
            yield wanted.with_name(f"{wanted.name.removesuffix(suffix)}-{number}{suffix}")

    def _may_have(self, item: Item, owner: Owner, name: Path, owners: Mapping[str, tuple[Path, Owner]]) -> bool:
        """Whether a name is that of no other image, neither of one that has it by the record nor of one to be read."""
        if self._is_own(item, name):
            return True
        is_input = _folded(self._place(self._out / name)) in self._inputs
        return not is_input and owners.get(_folded(name), (name, owner))[1] == owner

    def _is_own(self, item: Item, name: Path) -> bool:
        """Whether a name is that of the image's own file, in place."""
        return self._place(self._out / name) in map(self._place, item.files)

    def _place(self, path: Path) -> Path:
        """Where a file is, by which two paths to it are known as one; a link as the last part stays one."""
        return self._resolve(path.parent) / path.name


def _recorded(lines: Iterable[str]) -> dict[str, tuple[Path, Owner]]:
    """The names that were given before and to whom, by name without case."""
    found: dict[str, tuple[Path, Owner]] = {}
    for line in lines:
        try:
            name, wanted, source = json.loads(line)
            found.setdefault(_folded(Path(name)), (Path(name), (wanted, source)))
        except (TypeError, ValueError):  # cut off where the disk was full
            continue
    return found


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path).casefold())
