"""Tables of text: for a terminal, as Markdown, as HTML."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.judging import Baselines, Merits, colorfulness_ratio, finite_psnr
from pix2pix_jax.evaluation.pairs import PairMerits

_DIGITS = {"psnr": 2, "ssim": 3, "ciede2000": 2, "colorfulness": 1, "l1": 4}
_COLUMNS = ("psnr", "ssim", "ciede2000", "colorfulness")
_POOLED, _MEAN = "PSNR, dB ↑", "PSNR, mean ↑"
_HEADER = (
    "",
    _POOLED,
    _MEAN,
    "SSIM ↑",
    "CIEDE2000 ↓",
    "colourfulness",
    "of the truth's",
    "nearer than grey ↑",
)

_PSNR_NOTE = (
    " The first PSNR is that of the mean squared error over all images, in which no single image decides; the second,"
    " which most papers give, is the mean of each image's, without images that equal the truth, whose PSNR is infinite."
)

TABLE_NOTE = (
    f"Mean ± standard deviation over the photographs.{_PSNR_NOTE} Colourfulness is best near the truth's; the ratio is"
    " that of the means. The last column: on how many of the photographs CIEDE2000 is lower than that of the grey"
    f" image, by more than {measures.EQUAL}. The best tints are the constant (Cr, Cb) which, added to the luma of every"
    " photograph, give the lowest mean CIEDE2000 or the highest PSNR (the first one) on these very photographs: no tint"
    " chosen beforehand can do better."
)
"""What a reader of `merits_table` has to know."""

PAIRS_NOTE = (
    f"Mean ± standard deviation over the images.{_PSNR_NOTE} L1 is the mean absolute error; black against white is 1."
    " Three rows need no network: the input as it is, where it has as many channels as the truth, and two constant"
    " images, the mean and the median colour of these very truths. No constant has a lower L1 than the median."
)
"""What a reader of `pairs_table` has to know."""

LAB_NOTE = (
    "Intersection of the histograms of L, a and b over all pixels of all images, made and true, in bins of one unit: 1"
    " where the colours are distributed alike. The paper's Figure 7 does not say how wide its bins are."
)
"""What a reader of the column `Lab histograms` has to know too."""


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
        cells = [_pooled(merits["psnr"]), *(_spread(measure, merits[measure]) for measure in _COLUMNS)]
        ratio = colorfulness_ratio(merits["colorfulness"], truth)
        nearer = "" if name == "grey image" else f"{measures.share_nearer(merits['ciede2000'], gray):.0%}"
        rows.append([name, *cells, "" if ratio is None else f"{ratio:.2f}", nearer])
    rows.append(["truth", "", "", "", "", _spread("colorfulness", truth), "1.00", ""])
    return Table(_HEADER, rows)


def pairs_table(rows: Mapping[str, PairMerits]) -> Table:
    """The merits of translated images beside those that need no network; the notes above explain it.

    Args:
        rows: merits by what made the images; all of the same pairs.

    Returns:
        The table, a row for each, with a column for each measure that there is.
    """
    first = next(iter(rows.values()))
    ssim = ["SSIM ↑"] if "ssim" in first.each else []
    header = ["", "L1 ↓", _POOLED, _MEAN, *ssim, *(["Lab histograms ↑"] if first.lab else [])]
    cells = [
        [
            name,
            _spread("l1", merits.each["l1"]),
            _pooled(merits.each["psnr"]),
            _spread("psnr", merits.each["psnr"]),
            *(_spread("ssim", merits.each["ssim"]) for _ in ssim),
            *([" / ".join(f"{value:.2f}" for value in merits.lab.values())] if merits.lab else []),
        ]
        for name, merits in rows.items()
    ]
    return Table(header, cells)


def _pooled(psnr: NDArray[np.float64]) -> str:
    return f"{measures.psnr_of_mean_error(psnr):.{_DIGITS['psnr']}f}"


def _spread(measure: str, values: NDArray[np.float64]) -> str:
    values = finite_psnr(values) if measure == "psnr" else values
    digits = _DIGITS[measure]
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"
