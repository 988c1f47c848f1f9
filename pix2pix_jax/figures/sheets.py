"""A sheet of images, each version of an image beside the others, as a PNG file.

Samples of a run, ranked photographs, and the same photographs coloured by several experiments are such sheets.
"""

import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import DPI, displayed, save_figure

_TILE = 192  # longer side of a tile, px, about
_MARGIN, _GUTTER, _GAP = 20, 4, 36  # around the sheet, between the versions of an image, and between images, px
_ROW_GAP = 10  # where there are no captions
_TITLE, _HEADING, _TEXT = 28, 24, 18  # sizes of fonts, px
_LETTER = 0.62  # DejaVu Sans: width of a letter over the font size, on the safe side
_FAINT = "#555555"


class Group(NamedTuple):
    """Images of a sheet.

    Attributes:
        versions: heading, in one or more lines, of each version of the images, and the images [N, H, W, channels],
            which are shown as `displayed` says.
        heading: line above them.
        captions: line below each image; the middle is left out where it is too long.
    """

    versions: Mapping[str, NDArray]
    heading: str = ""
    captions: Sequence[str] = ()


def save_sheet(path: str | os.PathLike[str], title: str, groups: Sequence[Group]) -> None:
    """Saves a sheet on which every pixel of an image is a square of whole pixels.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        title: what is shown, above the sheet, in one or more lines, of which the first is large.
        groups: the images, one group below the other; all have the same size and number of versions.
    """
    stacks = [next(iter(group.versions.values())) for group in groups]
    scale = max(1, round(_TILE / max(stacks[0].shape[1:3])))
    height, width = (scale * side for side in stacks[0].shape[1:3])
    count = len(groups[0].versions)
    strip = count * (width + _GUTTER) - _GUTTER
    across = _choose_across(max(map(len, stacks)), height, strip)
    sheet = _Sheet(2 * _MARGIN + across * (strip + _GAP) - _GAP)
    for place, line in enumerate(title.splitlines()):
        size, letter, weight = (_TEXT, _LETTER, "normal") if place else (_TITLE, 1.15 * _LETTER, "bold")
        letters = int((sheet.width - 2 * _MARGIN) / (letter * size))
        for text in textwrap.wrap(line, letters, break_on_hyphens=False):
            sheet.write_line(text, size, weight=weight)
    for group in groups:
        if group.heading:
            sheet.bottom += _TEXT
            sheet.write_line(group.heading, _HEADING)
        _draw_images(sheet, group, scale, across)
    sheet.save(path)


def _draw_images(sheet: "_Sheet", group: Group, scale: int, across: int) -> None:
    """Draws the images of a group, and the names of their versions above the first row."""
    lines = [heading.splitlines() for heading in group.versions]
    most = max(map(len, lines))
    top = sheet.bottom + round((1.4 * most + 0.2) * _TEXT)
    for version, images in enumerate(group.versions.values()):
        tiles = displayed(images).repeat(scale, axis=1).repeat(scale, axis=2)
        height, width = tiles.shape[1:3]
        strip = len(lines) * (width + _GUTTER) - _GUTTER
        for index, tile in enumerate(tiles):
            row, column = divmod(index, across)
            left, y = _MARGIN + column * (strip + _GAP), top + row * (height + _row_gap(group))
            x = left + version * (width + _GUTTER)
            sheet.put(x, y, tile)
            for line, text in enumerate(lines[version] if row == 0 else ()):
                baseline = top - (1.4 * (most - line - 1) + 0.5) * _TEXT
                sheet.write(x + width / 2, baseline, text, ha="center", color=_FAINT if line else "black")
            if group.captions and version == 0:
                caption = _shorten(group.captions[index], int(strip / (_LETTER * _TEXT)))
                sheet.write(left, y + height + 1.3 * _TEXT, caption)
            sheet.bottom = y + height + _row_gap(group)


def _row_gap(group: Group) -> int:
    return round(2.6 * _TEXT) if group.captions else _ROW_GAP


class _Sheet:
    """Tiles and lines of text on white, placed in pixels from the top left."""

    def __init__(self, width: int) -> None:
        self.width, self.bottom = width, _MARGIN
        self._tiles: list[tuple[int, int, NDArray[np.uint8]]] = []
        self._texts: list[tuple[float, float, str, dict[str, Any]]] = []

    def put(self, x: int, y: int, tile: NDArray[np.uint8]) -> None:
        """Puts a picture, uint8 RGB [height, width, 3], with its upper left corner at (x, y)."""
        self._tiles.append((x, y, tile))

    def write(self, x: float, y: float, text: str, size: int = _TEXT, **style: Any) -> None:
        """Writes text with its baseline at y; `style` is that of Matplotlib's text."""
        self._texts.append((x, y, text, {"fontsize": size * 72 / DPI, **style}))

    def write_line(self, text: str, size: int, **style: Any) -> None:
        """Writes a line below all that is on the sheet."""
        self.write(_MARGIN, self.bottom + size, text, size, **style)
        self.bottom += round(1.5 * size)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the sheet as a PNG file."""
        from matplotlib.figure import Figure

        height = self.bottom + _MARGIN - _ROW_GAP
        pixels = np.full((height, self.width, 3), 255, np.uint8)
        for x, y, tile in self._tiles:
            pixels[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        figure = Figure(figsize=(self.width / DPI, height / DPI), dpi=DPI)
        figure.figimage(pixels, origin="upper")
        for x, y, text, style in self._texts:
            shown = text.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8
            # A dollar sign, which names of files may hold, begins no formula.
            figure.text(x / self.width, 1.0 - y / height, shown, va="baseline", parse_math=False, **style)
        save_figure(figure, path)


def _choose_across(count: int, height: int, width: int) -> int:
    """Chooses how many images of a size go side by side: a sheet near 3:2, with few empty places."""

    def cost(across: int) -> float:
        rows = math.ceil(count / across)
        shape = (across * (width + _GAP)) / (rows * (height + _ROW_GAP))
        return abs(math.log(shape / 1.5)) + 6.0 * (rows * across - count) / count

    return min(range(1, min(count, 4) + 1), key=cost)


def _shorten(text: str, letters: int) -> str:
    """A text, its middle left out where it has more than so many letters."""
    if len(text) <= letters:
        return text
    end = (letters - 1) // 2
    return f"{text[: letters - 1 - end]}…{text[len(text) - end :]}"
