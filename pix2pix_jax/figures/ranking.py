"""A sheet of photographs ranked from the best coloured to the worst."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import (
    FAINT,
    GAP,
    GUTTER,
    HEADING,
    LETTER,
    MARGIN,
    TEXT,
    Sheet,
    Titles,
    enlarge,
    tile_scale,
)

_COLUMNS = 3  # triplets side by side


class Ranked(NamedTuple):
    """Some of the ranked photographs, under one heading.

    Attributes:
        heading: what they are.
        places: where they stand in the ranking, from 0.
    """

    heading: str
    places: Sequence[int]


@dataclass(frozen=True)
class Ranking:
    """Photographs from the best coloured to the worst.

    Attributes:
        names: their file names.
        gray: what was coloured, RGB [N, H, W, 3], uint8 or floating point in [0, 1].
        colored: what came of it, likewise.
        truth: the photographs themselves, likewise.
        figures: mean CIEDE2000 of each coloured one [N], rising.
        gray_figures: the same of the grey ones [N].
    """

    names: Sequence[str]
    gray: NDArray
    colored: NDArray
    truth: NDArray
    figures: NDArray[np.float64]
    gray_figures: NDArray[np.float64]

    def caption(self, place: int, letters: int) -> str:
        """Rank, file name and figures of a photograph, in at most so many letters."""
        figures = f"ΔE {self.figures[place]:.1f} (grey {self.gray_figures[place]:.1f})"
        rank = f"{place + 1}."
        return f"{rank} {shorten(self.names[place], letters - len(rank) - len(figures) - 4)}   {figures}"

    def save(self, path: str | os.PathLike[str], title: str, groups: Sequence[Ranked]) -> None:
        """Saves a sheet: grey, coloured, truth, and beneath each triplet its rank, its file and its figures.

        Args:
            path: PNG file to write; an earlier one is replaced in one go.
            title: what is shown, above the sheet, in one or more lines.
            groups: which photographs to show, under which headings.
        """
        scale = tile_scale(self.truth)
        tile_height, tile_width = (scale * side for side in self.truth.shape[1:3])
        layout = _Layout(scale, tile_height, tile_width)
        columns = min(_COLUMNS, max(len(group.places) for group in groups))
        width = 2 * MARGIN + columns * (layout.strip + GAP) - GAP
        titles = Titles(title, width)
        top = titles.height
        sheet = Sheet(width, top + sum(layout.group_height(len(group.places)) for group in groups) + MARGIN)
        titles.write(sheet)
        for group in groups:
            self._draw(sheet, top, group, layout)
            top += layout.group_height(len(group.places))
        sheet.save(path)

    def _draw(self, sheet: "Sheet", top: int, group: Ranked, layout: "_Layout") -> None:
        """Draws a group, its heading and the names of the columns, from `top` downwards."""
        sheet.write(MARGIN, top + 1.6 * HEADING, group.heading, HEADING, "left")
        first_row = top + layout.head
        for index, place in enumerate(group.places):
            row, column = divmod(index, _COLUMNS)
            left, y = MARGIN + column * (layout.strip + GAP), first_row + row * layout.row
            for number, (label, images) in enumerate(
                (("grey", self.gray), ("coloured", self.colored), ("truth", self.truth))
            ):
                x = left + number * (layout.tile_width + GUTTER)
                sheet.put(x, y, enlarge(images[place], layout.scale))
                if row == 0:
                    middle = x + layout.tile_width / 2
                    sheet.write(middle, first_row - 0.4 * TEXT, label, TEXT, color=FAINT)
            caption = self.caption(place, int(layout.strip / (LETTER * TEXT)))
            sheet.write(left, y + layout.tile_height + 1.3 * TEXT, caption, TEXT, "left")


class _Layout(NamedTuple):
    """Sizes on a ranked sheet, px."""

    scale: int
    tile_height: int
    tile_width: int

    @property
    def strip(self) -> int:
        return 3 * self.tile_width + 2 * GUTTER

    @property
    def row(self) -> int:
        return self.tile_height + round(2.6 * TEXT)

    @property
    def head(self) -> int:
        return round(2.2 * HEADING + 2 * TEXT)

    def group_height(self, count: int) -> int:
        return self.head + math.ceil(count / _COLUMNS) * self.row


def shorten(name: str, letters: int) -> str:
    """A name, its middle left out where it has more than so many letters."""
    if len(name) <= letters:
        return name
    end = (letters - 1) // 2
    return f"{name[: letters - 1 - end]}…{name[len(name) - end :]}"
