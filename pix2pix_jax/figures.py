"""Sheets of sample images as PNG files, and how any figure is saved.

Matplotlib is imported inside the functions, since it takes about half a second, and is used without
pyplot, so that nothing here touches a display or another figure.
"""

import itertools
import math
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.output import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A power of two, so that pixels / dpi * dpi gives back exactly the pixels.
DPI = 128
_TILE_PIXELS = 192
_MARGIN, _GUTTER, _GAP, _ROW_GAP = 20, 4, 32, 10
_LABEL_PIXELS, _TITLE_PIXELS = 18, 24


def save_samples(
    path: str | os.PathLike[str],
    gray: NDArray,
    colored: NDArray,
    truth: NDArray,
    title: str = "",
    labels: tuple[str, str, str] = ("grey", "coloured", "truth"),
) -> None:
    """Saves a labelled sheet of held-out images: each beside G's version of it and the truth.

    Every pixel of an image becomes a square of whole pixels. An earlier file is replaced in one go.

    Args:
        path: PNG file to write.
        gray: What G is given: [N, H, W], [N, H, W, 1] or [N, H, W, 3], uint8 or floating point in
            [0, 1].
        colored: What G makes of it: [N, H, W, 3], uint8 or floating point in [0, 1].
        truth: The images themselves, like `colored`.
        title: Line above the sheet; broken where it does not fit.
        labels: Names of the three columns.

    Raises:
        ValueError: The shapes do not fit together, or there is no image.
    """
    from matplotlib.figure import Figure

    strips = _make_strips(gray, colored, truth)
    columns = _choose_columns(len(strips), *strips.shape[1:3])
    width = 2 * _MARGIN + columns * (strips.shape[2] + _GAP) - _GAP
    # DejaVu Sans letters are about 0.6 of the font size wide.
    letters = int((width - 2 * _MARGIN) / (0.6 * _TITLE_PIXELS))
    title_lines = textwrap.wrap(title, letters, break_on_hyphens=False)
    top = _MARGIN + round(1.4 * _TITLE_PIXELS * len(title_lines) + 1.6 * _LABEL_PIXELS)
    sheet = _make_sheet(strips, columns, top)

    figure = Figure(figsize=(width / DPI, len(sheet) / DPI), dpi=DPI)
    figure.figimage(sheet, origin="upper")
    for line, text in enumerate(title_lines):
        y = _MARGIN + (line + 0.8) * _TITLE_PIXELS * 1.4
        write_text(figure, _MARGIN, y, text, _TITLE_PIXELS, "left")
    tile_width = (strips.shape[2] - 2 * _GUTTER) // 3
    for column, position in itertools.product(range(columns), range(3)):
        left = column * (strips.shape[2] + _GAP) + position * (tile_width + _GUTTER)
        x, y = _MARGIN + left + tile_width / 2, top - 0.5 * _LABEL_PIXELS
        write_text(figure, x, y, labels[position], _LABEL_PIXELS, "center")
    save_figure(figure, path)


def _make_strips(gray: NDArray, colored: NDArray, truth: NDArray) -> NDArray[np.uint8]:
    """Puts the three versions of each image side by side, enlarged: [N, height, width, 3]."""
    if colored.ndim != 4 or colored.shape[-1] != 3 or colored.size == 0:
        raise ValueError(f"expected images of shape [N, H, W, 3], got {list(colored.shape)}")
    if gray.ndim == 3:
        gray = gray[..., None]
    if truth.shape != colored.shape or gray.shape[:3] != colored.shape[:3]:
        raise ValueError(
            f"gray {list(gray.shape)}, colored {list(colored.shape)} and truth {list(truth.shape)} must agree"
        )
    scale = max(1, round(_TILE_PIXELS / max(colored.shape[1:3])))
    tiles = [
        to_bytes(np.broadcast_to(images, colored.shape)).repeat(scale, axis=1).repeat(scale, axis=2)
        for images in (gray, colored, truth)
    ]
    gutter = np.full((*tiles[0].shape[:2], _GUTTER, 3), 255, np.uint8)
    return np.concatenate([tiles[0], gutter, tiles[1], gutter, tiles[2]], axis=2)


def _make_sheet(strips: NDArray[np.uint8], columns: int, top: int) -> NDArray[np.uint8]:
    """Lays the strips out on white, row by row, `top` pixels below the upper edge."""
    count, strip_height, strip_width, _ = strips.shape
    row_step, column_step = strip_height + _ROW_GAP, strip_width + _GAP
    height = top + math.ceil(count / columns) * row_step - _ROW_GAP + _MARGIN
    width = 2 * _MARGIN + columns * column_step - _GAP
    sheet = np.full((height, width, 3), 255, np.uint8)
    for index, strip in enumerate(strips):
        row, column = divmod(index, columns)
        y, x = top + row * row_step, _MARGIN + column * column_step
        sheet[y : y + strip_height, x : x + strip_width] = strip
    return sheet


def to_bytes(images: NDArray) -> NDArray[np.uint8]:
    """Images as uint8, whether they are that or floating point in [0, 1]; what lies outside is clipped."""
    if images.dtype == np.uint8:
        return images
    return np.round(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)


def _choose_columns(count: int, strip_height: int, strip_width: int) -> int:
    """Chooses how many triplets go side by side: a sheet near 3:2, with few empty places."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = (columns * (strip_width + _GAP)) / (rows * (strip_height + _ROW_GAP))
        empty = (rows * columns - count) / count
        return abs(math.log(shape / 1.5)) + 6.0 * empty

    return min(range(1, min(count, 4) + 1), key=cost)


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
