"""Which name belongs to which image: given once, and kept in the folder of the results.

A name must not depend on what else is in a batch, or a batch that has grown would go on with other names. Names that
keep the folders that were typed would do, but scripts expect the result of `a/b.jpg` to be `b.jpg`.
"""

import argparse
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import writing

RECORD = ".pix2pix-names.jsonl"
"""The file in OUT that keeps the names: on each line a name, the name that was wanted, and the image's path from OUT.

Lines are only ever appended, and of two lines with one name the first counts. So several processes can share a folder.
"""


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
        self._folders: dict[Path, Path] = {}
        self._out = options.out.resolve()
        self._wanted = {item: rename(item.name) for item in items}
        # Files that this run must not replace, except by what is made of them.
        self._inputs = {_folded(self._place(file)): file for item in self._wanted for file in item.files}
        self._names: dict[Item, Path] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        keeping = [item for item, name in self._wanted.items() if name == item.name]
        self._claim(dict.fromkeys([*keeping, *self._wanted]))

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
        owners = self._recorded()
        names = {owner: name for name, owner in reversed(owners.values())}
        claimed = []
        for item in items:
            owner = self._owner(item)
            name = names.get(owner)
            if name is None or not self._may_be(item, name):
                name = next(name for name in self._alternatives(item) if self._is_free(item, name, owners))
                if not self._is_own(item, name):
                    owners[_folded(name)] = name, owner
                    claimed.append(item)
            self._names[item] = name
        if claimed:
            self._record([str(self._names[item]), *self._owner(item)] for item in claimed)
            owners = self._recorded()
            lost = [item for item in claimed if owners[_folded(self._names[item])][1] != self._owner(item)]
            if lost:  # to a process that was quicker
                self._claim(lost)

    def _owner(self, item: Item) -> tuple[str, str]:
        """What a name is recorded for: the name that was wanted, and the image's path from OUT."""
        return str(self._wanted[item]), os.path.relpath(self._place(item.files[0]), self._out)

    def _recorded(self) -> dict[str, tuple[Path, tuple[str, str]]]:
        """The names that were given before and to whom, by name without case."""
        found: dict[str, tuple[Path, tuple[str, str]]] = {}
        try:
            lines = (self._out / RECORD).read_bytes().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                name, wanted, source = json.loads(line)
                found.setdefault(_folded(Path(name)), (Path(name), (wanted, source)))
            except (TypeError, ValueError):  # cut off where the disk was full
                continue
        return found

    def _record(self, entries: Iterable[list[str]]) -> None:
        content = "\n" + "".join(json.dumps(entry) + "\n" for entry in entries)
        with writing(self._out / RECORD):
            descriptor = os.open(self._out / RECORD, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, content.encode())
            finally:
                os.close(descriptor)

    def _alternatives(self, item: Item) -> Iterator[Path]:
        """Names for an image: cat.png for cat.gif, or else cat.gif.png, cat-2.png, cat-3.png and on."""
        own, wanted, suffix = item.name, self._wanted[item], self._wanted[item].suffix
        yield wanted
        if own.suffix != suffix:
            yield own.with_name(own.name + suffix)
        # Of many images with one name, each begins where the one before it ended.
        for number in self._numbers.setdefault(_folded(wanted), count(2)):
            yield wanted.with_name(f"{wanted.name.removesuffix(suffix)}-{number}{suffix}")

    def _is_free(self, item: Item, name: Path, owners: dict[str, tuple[Path, tuple[str, str]]]) -> bool:
        return self._is_own(item, name) or (_folded(name) not in owners and self._may_be(item, name))

    def _may_be(self, item: Item, name: Path) -> bool:
        """Whether a name is that of no other image that is still to be read."""
        return self._is_own(item, name) or _folded(self._place(self._out / name)) not in self._inputs

    def _is_own(self, item: Item, name: Path) -> bool:
        """Whether a name is that of the image's own file, in place."""
        return self._place(self._out / name) in map(self._place, item.files)

    def _place(self, path: Path) -> Path:
        """Where a file is, by which two paths to it are known as one; a link as the last part stays one."""
        folder = self._folders.get(path.parent)
        if folder is None:
            folder = self._folders[path.parent] = path.parent.resolve()
        return folder / path.name


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path).casefold())
