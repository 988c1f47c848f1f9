"""Sheets of labelled photographs as PNG files: single ones ranked, and the same ones beside each other."""

import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.figures import DPI, save_figure, to_bytes, write_text

_TILE = 192  # px, about
_MARGIN, _GUTTER, _GAP = 20, 4, 36
_TITLE, _HEADING, _TEXT = 28, 24, 18  # px
_COLUMNS = 3  # triplets side by side
_FAINT = "#555555"
_LETTER = 0.62  # DejaVu Sans: width of a letter over the font size, on the safe side


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
        scale = _scale(self.truth)
        tile_height, tile_width = (scale * side for side in self.truth.shape[1:3])
        layout = _Layout(scale, tile_height, tile_width)
        columns = min(_COLUMNS, max(len(group.places) for group in groups))
        width = 2 * _MARGIN + columns * (layout.strip + _GAP) - _GAP
        titles = _Titles(title, width)
        top = titles.height
        sheet = Sheet(width, top + sum(layout.group_height(len(group.places)) for group in groups) + _MARGIN)
        titles.write(sheet)
        for group in groups:
            self._draw(sheet, top, group, layout)
            top += layout.group_height(len(group.places))
        sheet.save(path)

    def _draw(self, sheet: "Sheet", top: int, group: Ranked, layout: "_Layout") -> None:
        """Draws a group, its heading and the names of the columns, from `top` downwards."""
        sheet.write(_MARGIN, top + 1.6 * _HEADING, group.heading, _HEADING, "left")
        first_row = top + layout.head
        for index, place in enumerate(group.places):
            row, column = divmod(index, _COLUMNS)
            left, y = _MARGIN + column * (layout.strip + _GAP), first_row + row * layout.row
            for number, (label, images) in enumerate(
                (("grey", self.gray), ("coloured", self.colored), ("truth", self.truth))
            ):
                x = left + number * (layout.tile_width + _GUTTER)
                sheet.put(x, y, _enlarge(images[place], layout.scale))
                if row == 0:
                    middle = x + layout.tile_width / 2
                    sheet.write(middle, first_row - 0.4 * _TEXT, label, _TEXT, color=_FAINT)
            caption = self.caption(place, int(layout.strip / (_LETTER * _TEXT)))
            sheet.write(left, y + layout.tile_height + 1.3 * _TEXT, caption, _TEXT, "left")


class _Layout(NamedTuple):
    """Sizes on a ranked sheet, px."""

    scale: int
    tile_height: int
    tile_width: int

    @property
    def strip(self) -> int:
        return 3 * self.tile_width + 2 * _GUTTER

    @property
    def row(self) -> int:
        return self.tile_height + round(2.6 * _TEXT)

    @property
    def head(self) -> int:
        return round(2.2 * _HEADING + 2 * _TEXT)

    def group_height(self, count: int) -> int:
        return self.head + math.ceil(count / _COLUMNS) * self.row


def save_columns(path: str | os.PathLike[str], title: str, columns: Mapping[str, NDArray]) -> None:
    """Saves a sheet of the same photographs as several hands made them, a row a photograph, a column a hand.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        title: what is shown, above the sheet, in one or more lines.
        columns: heading, in one or more lines, of each column, and its images, RGB [N, H, W, 3], uint8 or floating
            point in [0, 1].
    """
    first = next(iter(columns.values()))
    scale = _scale(first)
    height, width = (scale * side for side in first.shape[1:3])
    full_width = 2 * _MARGIN + len(columns) * (width + _GUTTER) - _GUTTER
    titles = _Titles(title, full_width)
    lines = max(len(heading.splitlines()) for heading in columns)
    top = titles.height + round(1.4 * _TEXT * (lines + 1))
    sheet = Sheet(full_width, top + len(first) * (height + _GUTTER) - _GUTTER + _MARGIN)
    titles.write(sheet)
    for place, (heading, images) in enumerate(columns.items()):
        left = _MARGIN + place * (width + _GUTTER)
        for line, text in enumerate(heading.splitlines()):
            style = {"weight": "bold"} if line == 0 else {"color": _FAINT}
            y = top - 1.4 * _TEXT * (lines - line - 1) - 0.6 * _TEXT
            sheet.write(left + width / 2, y, text, _TEXT if line == 0 else 0.85 * _TEXT, **style)
        for row, image in enumerate(images):
            sheet.put(left, top + row * (height + _GUTTER), _enlarge(image, scale))
    sheet.save(path)


def shorten(name: str, letters: int) -> str:
    """A name, its middle left out where it has more than so many letters."""
    if len(name) <= letters:
        return name
    end = (letters - 1) // 2
    return f"{name[: letters - 1 - end]}…{name[len(name) - end :]}"


class Sheet:
    """A white picture for tiles and text, placed in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        """Takes its size, px."""
        # Imported here, since it takes about half a second.
        from matplotlib.figure import Figure

        self._pixels = np.full((height, width, 3), 255, np.uint8)
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)

    def put(self, x: int, y: int, tile: NDArray[np.uint8]) -> None:
        """Puts a picture, uint8 RGB [height, width, 3], with its upper left corner at (x, y)."""
        self._pixels[y : y + tile.shape[0], x : x + tile.shape[1]] = tile

    def write(self, x: float, y: float, text: str, size: float, alignment: str = "center", **style: Any) -> None:
        """Writes text with its baseline at y; see `figures.write_text`."""
        write_text(self._figure, x, y, text, size, alignment, **style)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the sheet as a PNG file, in one go."""
        self._figure.figimage(self._pixels, origin="upper")
        save_figure(self._figure, Path(path))


class _Titles:
    """The lines above a sheet, the first large, broken where they are too long for its width."""

    def __init__(self, title: str, width: int) -> None:
        first, *others = title.splitlines()
        self._lines = [(text, _TITLE, "bold") for text in _wrap(first, _TITLE * 1.15, width)]  # bold is wider
        self._lines += [(text, _TEXT, "normal") for other in others for text in _wrap(other, _TEXT, width)]

    @property
    def height(self) -> int:
        """Room for them, from the upper edge, px."""
        return _MARGIN + round(sum(1.5 * size for _, size, _ in self._lines))

    def write(self, sheet: Sheet) -> None:
        y = float(_MARGIN)
        for text, size, weight in self._lines:
            sheet.write(_MARGIN, y + size, text, size, "left", weight=weight)
            y += 1.5 * size


def _wrap(text: str, size: float, width: int) -> list[str]:
    return textwrap.wrap(text, max(1, int((width - 2 * _MARGIN) / (_LETTER * size))), break_on_hyphens=False)


def _scale(images: NDArray) -> int:
    """How many pixels of a sheet, in both directions, a pixel of an image becomes."""
    return max(1, round(_TILE / max(images.shape[1:3])))


def _enlarge(image: NDArray, scale: int) -> NDArray[np.uint8]:
    return to_bytes(image).repeat(scale, axis=0).repeat(scale, axis=1)
