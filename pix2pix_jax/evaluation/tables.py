"""Tables of text: for a terminal, as Markdown, as HTML."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.evaluation.judging import Baselines, Merits, colorfulness_ratio

_DIGITS = {"psnr": 2, "ssim": 3, "ciede2000": 2, "colorfulness": 1}
_HEADER = ("", "PSNR, dB ↑", "SSIM ↑", "CIEDE2000 ↓", "colourfulness", "of the truth's", "nearer than grey ↑")

TABLE_NOTE = (
    "Mean ± standard deviation over the photographs. Colourfulness is best near the truth's; the ratio is that of the"
    " means. The last column: on how many of the photographs CIEDE2000 is lower than that of the grey image. The best"
    " tints are the constant (Cr, Cb) which, added to the luma of every photograph, give the lowest mean CIEDE2000 or"
    " the highest mean PSNR on these very photographs: no tint chosen beforehand can do better."
)
"""What a reader of `merits_table` has to know."""


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


def merits_table(coloured: Mapping[str, Merits], baselines: Baselines) -> Table:
    """The merits of coloured photographs beside the baselines and the truth; `TABLE_NOTE` explains it.

    Args:
        coloured: merits by what made them.
        baselines: those of the same photographs.

    Returns:
        The table, a row for each.
    """
    gray = baselines.merits["grey image"]["ciede2000"]
    truth = baselines.truth_colorfulness
    rows = []
    for name, merits in {**coloured, **baselines.merits}.items():
        cells = [_spread(merits[measure], digits) for measure, digits in _DIGITS.items()]
        ratio = colorfulness_ratio(merits["colorfulness"], truth)
        nearer = "" if name == "grey image" else f"{np.mean(merits['ciede2000'] < gray):.0%}"
        rows.append([name, *cells, "" if ratio is None else f"{ratio:.2f}", nearer])
    rows.append(["truth", "", "", "", _spread(truth, _DIGITS["colorfulness"]), "1.00", ""])
    return Table(_HEADER, rows)


def _spread(values: NDArray[np.float64], digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"
