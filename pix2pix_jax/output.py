"""What commands leave behind: folders that can be written to, whole text files, and tables."""

import contextlib
import html
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pix2pix_jax.errors import UserError


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
    """Writes a text file as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


class Table(NamedTuple):
    """A table of text, the first column being the names of the rows.

    Attributes:
        header: the names of the columns.
        rows: the cells, row by row.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def plain(self) -> str:
        """The table for a terminal: names on the left, figures on the right of their columns."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def markdown(self) -> str:
        """The table as Markdown."""
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = [[cell.replace("|", "\\|") for cell in line] for line in (self.header, rule, *self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def html(self) -> str:
        """The table as HTML."""

        def row(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "\n".join(row(cells, "td") for cells in self.rows)
        return f"<table>\n<thead>{row(self.header, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
