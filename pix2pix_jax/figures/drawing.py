"""A white sheet for tiles and text, and how every figure is saved.

Matplotlib is imported inside the functions, since it takes about half a second, and is used without pyplot, so that
nothing here touches a display or another figure.
"""

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored
from pix2pix_jax.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A power of two, so that pixels / dpi * dpi gives back exactly the pixels.
DPI = 128
TILE = 192  # side of a tile, px, about
MARGIN, GUTTER, GAP = 20, 4, 36  # around a sheet, between tiles, and between groups of tiles, px
TITLE, HEADING, TEXT = 28, 24, 18  # sizes of fonts, px
FAINT = "#555555"
LETTER = 0.62  # DejaVu Sans: width of a letter over the font size, on the safe side


class Sheet:
    """A white picture for tiles and text, placed in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        """Takes its size, px."""
        from matplotlib.figure import Figure

        self._pixels = np.full((height, width, 3), 255, np.uint8)
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)

    def put(self, x: int, y: int, tile: NDArray[np.uint8]) -> None:
        """Puts a picture, uint8 RGB [height, width, 3], with its upper left corner at (x, y)."""
        self._pixels[y : y + tile.shape[0], x : x + tile.shape[1]] = tile

    def write(self, x: float, y: float, text: str, size: float, alignment: str = "center", **style: Any) -> None:
        """Writes text with its baseline at y; see `write_text`."""
        write_text(self._figure, x, y, text, size, alignment, **style)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the sheet as a PNG file, in one go."""
        self._figure.figimage(self._pixels, origin="upper")
        save_figure(self._figure, Path(path))


class Titles:
    """The lines above a sheet, the first large, broken where they are too long for its width."""

    def __init__(self, title: str, width: int) -> None:
        """Takes the lines, separated by line breaks, and the width of the sheet, px."""
        self._lines: list[tuple[str, int, str]] = []
        for place, line in enumerate(title.splitlines()):
            size, weight, wide = (TEXT, "normal", 1.0) if place else (TITLE, "bold", 1.15)
            self._lines += [(text, size, weight) for text in _wrap(line, wide * size, width)]

    @property
    def height(self) -> int:
        """Room for them, from the upper edge, px."""
        return MARGIN + round(sum(1.5 * size for _, size, _ in self._lines))

    def write(self, sheet: Sheet) -> None:
        """Writes them."""
        y = float(MARGIN)
        for text, size, weight in self._lines:
            sheet.write(MARGIN, y + size, text, size, "left", weight=weight)
            y += 1.5 * size


def _wrap(text: str, size: float, width: int) -> list[str]:
    return textwrap.wrap(text, max(1, int((width - 2 * MARGIN) / (LETTER * size))), break_on_hyphens=False)


def tile_scale(images: NDArray) -> int:
    """How many pixels of a sheet, in both directions, a pixel of an image becomes."""
    return max(1, round(TILE / max(images.shape[1:3])))


def enlarge(image: NDArray, scale: int) -> NDArray[np.uint8]:
    """An image [H, W, 3], uint8 or floating point in [0, 1], with every pixel as a square of that many."""
    return as_stored(image).repeat(scale, axis=0).repeat(scale, axis=1)


def displayed(images: NDArray) -> NDArray[np.uint8]:
    """Images of any number of channels as colours that a screen can show.

    One channel is shown as grey, two as red and green without blue, and of more than three the first three as red,
    green and blue.

    Args:
        images: [..., H, W, channels], uint8, uint16 or floating point in [0, 1]; what lies outside is clipped.

    Returns:
        uint8 RGB [..., H, W, 3].
    """
    shown = as_stored(images[..., :3])
    if shown.shape[-1] == 2:
        return np.concatenate([shown, np.zeros_like(shown[..., :1])], axis=-1)
    return np.broadcast_to(shown, (*shown.shape[:-1], 3))


def write_text(figure: "Figure", x: float, y: float, text: str, pixels: float, alignment: str, **style: Any) -> None:
    """Writes text onto a figure.

    Args:
        figure: The figure.
        x: Where the text is, in pixels from the left.
        y: Its baseline, in pixels from the top.
        text: The text, as it is: a dollar sign, which file names may hold, begins no formula.
        pixels: Size of the font.
        alignment: What of the text is at `x`: "left", "center" or "right".
        style: Further properties of Matplotlib's text, such as its colour.
    """
    width, height = figure.bbox.size
    size = pixels * 72 / DPI
    text = text.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8
    figure.text(
        x / width, 1.0 - y / height, text, fontsize=size, ha=alignment, va="baseline", parse_math=False, **style
    )


def save_figure(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Saves a figure as a PNG file, under another name first, so that no reader sees half a file.

    Args:
        figure: The figure; it is drawn at `DPI` pixels per inch.
        path: The file; its folder is made where there is none.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)
