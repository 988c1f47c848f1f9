"""What visitors have given and what was made of it, which is gone when they leave."""

import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pix2pix_jax.errors import UserError
from pix2pix_jax.page.making import Made, Make

KEPT_HOURS = 24.0
"""How long files stay of a visitor who neither does anything nor leaves."""


@dataclass(eq=False)
class Entry:
    """A file that a visitor has given.

    Attributes:
        file: a link to it that is the visitor's own.
        strength: of the colours of `result`; None where there is none.
        result: what was made of it, or what is wrong with it.
    """

    file: Path
    strength: float | None = None
    result: Made | UserError | None = None

    @property
    def made(self) -> Made | None:
        """What was made of it, if it was."""
        return self.result if isinstance(self.result, Made) else None


class Visit:
    """One visitor: a tab of a browser.

    Attributes:
        entries: the files given, the first first.
        strength: of the colours, as wanted now.
        everything: a zip file of all that was made; None where there are less than two images.
    """

    def __init__(self, folder: Path, strength: float) -> None:
        """Takes a folder that is to be made, and the strength of the colours."""
        self.entries: list[Entry] = []
        self.strength = strength
        self.everything: Path | None = None
        self.touched = time.monotonic()
        self._folder = folder
        self._uploads: list[tuple[Path, Path]] = []
        self._numbers = count()
        self._outdated: list[Path] = []
        self._doomed: list[Path] = []

    def add(self, file: Path, keep: bool = False, link: Callable[[Path, Path], object] = os.link) -> None:
        """Takes a file, unless it has been uploaded already and is still here.

        The server keeps equal files of all visitors as one, so the visit has a link of its own.

        Args:
            file: the file.
            keep: whether it stays when the visitor leaves.
            link: gives the file a second name.
        """
        self.touched = time.monotonic()
        if not keep and any(file == upload for upload, _ in self._uploads):
            return
        own = self.new_folder() / file.name
        link(file, own)
        if not keep:
            self._uploads.append((file, own))
        self.entries.append(Entry(own))

    def new_folder(self) -> Path:
        """Makes a folder that is gone when the visitor leaves."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir(parents=True)
        return folder

    def clear(self) -> None:
        """Forgets all files."""
        self.entries, self.everything = [], None
        for upload, link in self._uploads:
            with suppress(OSError):
                if upload.samefile(link):  # not another visitor's newer one
                    upload.unlink()
        self._uploads = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def work(self, make: Make) -> Iterator[None]:
        """Makes what is still to be made, and yields after each image; follows the visitor's changes on the way."""
        while entry := next((entry for entry in self.entries if entry.strength != self.strength), None):
            self.touched = time.monotonic()
            self.everything = None
            strength, old, folder = self.strength, entry.made, self.new_folder()
            try:
                entry.result = make(entry.file, folder, strength)
            except UserError as error:
                entry.result = UserError(str(error).replace(str(entry.file), entry.file.name))
            except OSError:
                if entry in self.entries:
                    raise
            entry.strength = strength
            if old is not None:
                self._outdated.append(old.target.parent)
            if entry not in self.entries:  # the visitor has taken it away, or has left
                shutil.rmtree(folder, ignore_errors=True)
            yield
        with suppress(OSError):  # the visitor has left
            self._zip()

    def tidy(self) -> None:
        """Deletes results that new ones have replaced; to be called whenever the visitor is shown results.

        Only those go that were not shown the last time either: a browser that is being told of new results may still
        ask for those that it has been told of before.
        """
        for folder in self._doomed:
            shutil.rmtree(folder, ignore_errors=True)
        self._doomed, self._outdated = self._outdated, []

    def named(self) -> list[tuple[str, Entry]]:
        """The entries with the names of their results, of which no two are equal."""
        taken: set[str] = set()
        named = []
        for entry in self.entries:
            name = entry.file.name if entry.made is None else entry.made.target.name
            free = name
            for number in count(2):
                if free not in taken:
                    break
                free = f"{Path(name).stem} ({number}){Path(name).suffix}"
            taken.add(free)
            named.append((free, entry))
        return named

    def _zip(self) -> None:
        made = [(name, entry.made.target) for name, entry in self.named() if entry.made is not None]
        if self.everything is not None or len(made) < 2:
            return
        path = self.new_folder() / "images.zip"
        with zipfile.ZipFile(path, "w") as archive:  # without compression: images are compressed
            for name, target in made:
                archive.write(target, name)
        self.everything = path


class Visits:
    """All visitors.

    Attributes:
        folder: what the browser may read: what was made, in a folder for each visit whose name cannot be guessed.
    """

    def __init__(self, folder: Path, strength: float) -> None:
        """Takes an empty folder, and the strength of the colours to begin with."""
        self.folder = folder
        self._strength = strength
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def of(self, session: str) -> Visit:
        """The visit of a session of the server's, begun where there is none."""
        with self._lock:
            if session not in self._visits:
                self._visits[session] = Visit(self.folder / os.urandom(16).hex(), self._strength)
            return self._visits[session]

    def leave(self, session: str) -> None:
        """Ends a visit."""
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit is not None:
            visit.clear()

    def sweep(self, hours: float = KEPT_HOURS) -> None:
        """Ends the visits in which nothing has happened for some hours."""
        oldest = time.monotonic() - 3600.0 * hours
        with self._lock:
            old = [session for session, visit in self._visits.items() if visit.touched < oldest]
        for session in old:
            self.leave(session)
