"""Tables of text: for a terminal, as Markdown, as HTML; and what is evaluated as such tables."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.evaluating import Baselines, colorfulness_ratio, countable
from pix2pix_jax.evaluation.measures import MEASURES, Merits

_PSNR_NOTE = (
    " The first PSNR is that of the mean squared error over all images, in which no single image decides; the second,"
    " which most papers give, is the mean of each image's, without images that equal the truth, whose PSNR is infinite."
)

TABLE_NOTE = (
    f"Mean ± standard deviation over the photographs.{_PSNR_NOTE} Colourfulness is best near the truth's; the ratio and"
    " the difference are those of the means. Nearer than grey: on how many of the photographs CIEDE2000 is lower than"
    f" that of the grey image, by more than {measures.EQUAL}. The best tints are the constant (Cr, Cb) which, added to"
    " the luma of every photograph, give the lowest mean CIEDE2000 or the highest PSNR (the first one) on these very"
    " photographs: no tint chosen beforehand can do better."
)
"""What a reader of `merits_table` has to know."""

PAIRS_NOTE = (
    f"Mean ± standard deviation over the images.{_PSNR_NOTE} L1 is the mean absolute error; black against white is 1."
    " Three rows need no network: the input as it is, where it has one channel or as many as the truth, and two"
    " constant images, the mean and the median colour of these very truths. No constant has a lower L1 than the median."
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


def merits_table(
    coloured: Mapping[str, Merits], baselines: Baselines, distances: Mapping[str, float] | None = None
) -> Table:
    """A row of merits for whatever coloured photographs, the baselines and the truth; `TABLE_NOTE` explains it.

    Args:
        coloured: merits by what made them.
        baselines: those of the same photographs.
        distances: Fréchet distances of the same rows, where there are any.
    """
    gray, truth = baselines.merits["grey image"]["ciede2000"], baselines.truth_colorfulness
    rows = {**coloured, **baselines.merits, "truth": {"colorfulness": truth}}
    ratios = {name: colorfulness_ratio(merits["colorfulness"], truth) for name, merits in rows.items()}
    nearer = {
        name: f"{(merits['ciede2000'] < gray - measures.EQUAL).mean():.0%}"
        for name, merits in rows.items()
        if name not in ("grey image", "truth")
    }
    shown = {name: f"{ratio:.2f}" for name, ratio in ratios.items() if ratio is not None}
    differences = {
        name: f"{merits['colorfulness'].mean() - truth.mean():+.1f}" for name, merits in rows.items() if name != "truth"
    }
    further = {"of the truth's": shown, "less the truth's": differences, "nearer than grey ↑": nearer}
    return _table(rows, further | _shown(distances))


def pairs_table(
    rows: Mapping[str, Merits], lab: Mapping[str, Mapping[str, float]], distances: Mapping[str, float] | None = None
) -> Table:
    """A row of merits for whatever translated images, with a column for each measure; the notes above explain it.

    Args:
        rows: merits by what made the images; all of the same pairs.
        lab: what `lab_intersection` gives, of the same rows; none where images are not RGB.
        distances: as for `merits_table`.
    """
    histograms = {name: " / ".join(f"{value:.2f}" for value in values.values()) for name, values in lab.items()}
    return _table(rows, ({"Lab histograms ↑": histograms} if lab else {}) | _shown(distances))


def _shown(distances: Mapping[str, float] | None) -> dict[str, dict[str, str]]:
    return {"Fréchet distance ↓": {row: f"{value:.1f}" for row, value in distances.items()}} if distances else {}


def _table(rows: Mapping[str, Merits], further: Mapping[str, Mapping[str, str]]) -> Table:
    """A row for each of some merits, with the measures that there are and further columns, given by heading and row."""
    columns: dict[str, Mapping[str, str]] = {}
    for name, measure in MEASURES.items():
        values = {row: merits[name] for row, merits in rows.items() if name in merits}
        heading = f"{measure.heading} {measure.better}".rstrip()
        if name == "psnr":
            pooled = {row: measures.psnr_of_mean_error(each) for row, each in values.items()}
            columns["PSNR, dB ↑"] = {row: f"{value:.{measure.digits}f}" for row, value in pooled.items()}
            heading = "PSNR, mean ↑"
        if values:
            columns[heading] = {row: _spread(countable(name, each), measure.digits) for row, each in values.items()}
    columns |= further
    return Table(["", *columns], [[name, *(cells.get(name, "") for cells in columns.values())] for name in rows])


def _spread(values: NDArray[np.float64], digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"
