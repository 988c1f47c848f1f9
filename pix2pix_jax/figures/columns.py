"""A sheet of the same photographs side by side, a column for everything that coloured them."""

import os
from collections.abc import Mapping

from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import FAINT, GUTTER, MARGIN, TEXT, Sheet, Titles, enlarge, tile_scale


def save_columns(path: str | os.PathLike[str], title: str, columns: Mapping[str, NDArray]) -> None:
    """Saves a sheet of the same photographs coloured in several ways, a row a photograph, a column a way.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        title: what is shown, above the sheet, in one or more lines.
        columns: heading, in one or more lines, of each column, and its images, RGB [N, H, W, 3], uint8 or floating
            point in [0, 1].
    """
    first = next(iter(columns.values()))
    scale = tile_scale(first)
    height, width = (scale * side for side in first.shape[1:3])
    full_width = 2 * MARGIN + len(columns) * (width + GUTTER) - GUTTER
    titles = Titles(title, full_width)
    lines = max(len(heading.splitlines()) for heading in columns)
    top = titles.height + round(1.4 * TEXT * (lines + 1))
    sheet = Sheet(full_width, top + len(first) * (height + GUTTER) - GUTTER + MARGIN)
    titles.write(sheet)
    for place, (heading, images) in enumerate(columns.items()):
        left = MARGIN + place * (width + GUTTER)
        for line, text in enumerate(heading.splitlines()):
            style = {"weight": "bold"} if line == 0 else {"color": FAINT}
            y = top - 1.4 * TEXT * (lines - line - 1) - 0.6 * TEXT
            sheet.write(left + width / 2, y, text, TEXT if line == 0 else 0.85 * TEXT, **style)
        for row, image in enumerate(images):
            sheet.put(left, top + row * (height + GUTTER), enlarge(image, scale))
    sheet.save(path)
