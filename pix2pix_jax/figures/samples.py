"""A sheet of held-out images: what G is given, what it makes, the truth."""

import itertools
import math
import os

from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import GAP, GUTTER, MARGIN, TEXT, Sheet, Titles, displayed, enlarge, tile_scale

_ROW_GAP = 10  # px


def save_samples(
    path: str | os.PathLike[str],
    given: NDArray,
    made: NDArray,
    truth: NDArray,
    title: str = "",
    labels: tuple[str, str, str] = ("grey", "coloured", "truth"),
) -> None:
    """Saves a labelled sheet of held-out images: each beside G's version of it and the truth.

    Every pixel of an image becomes a square of whole pixels. An earlier file is replaced in one go.

    Args:
        path: PNG file to write.
        given: what G is given: [N, H, W] or [N, H, W, channels], uint8, uint16 or floating point in [0, 1]. Channels
            are shown as `displayed` says, here and in the others.
        made: what G makes of it: [N, H, W, channels], likewise.
        truth: the images themselves, of the shape of `made`.
        title: line above the sheet; broken where it does not fit.
        labels: names of the three columns.

    Raises:
        ValueError: if the shapes do not fit together, or there is no image.
    """
    if made.ndim != 4 or made.size == 0:
        raise ValueError(f"expected images of shape [N, H, W, channels], got {list(made.shape)}")
    given = given[..., None] if given.ndim == 3 else given
    if truth.shape != made.shape or given.shape[:3] != made.shape[:3]:
        raise ValueError(f"given {list(given.shape)}, made {list(made.shape)} and truth {list(truth.shape)} must agree")
    scale, count = tile_scale(made), len(made)
    height, width = (scale * side for side in made.shape[1:3])
    strip = 3 * width + 2 * GUTTER
    columns = _choose_columns(count, height, strip)
    sheet_width = 2 * MARGIN + columns * (strip + GAP) - GAP
    titles = Titles(title, sheet_width)
    top = titles.height + round(1.6 * TEXT)
    sheet = Sheet(sheet_width, top + math.ceil(count / columns) * (height + _ROW_GAP) - _ROW_GAP + MARGIN)
    titles.write(sheet)
    versions = (displayed(given), displayed(made), displayed(truth))
    for index, (place, images) in itertools.product(range(count), enumerate(versions)):
        row, column = divmod(index, columns)
        x = MARGIN + column * (strip + GAP) + place * (width + GUTTER)
        sheet.put(x, top + row * (height + _ROW_GAP), enlarge(images[index], scale))
        if row == 0:
            sheet.write(x + width / 2, top - 0.5 * TEXT, labels[place], TEXT)
    sheet.save(path)


def _choose_columns(count: int, strip_height: int, strip_width: int) -> int:
    """Chooses how many triplets go side by side: a sheet near 3:2, with few empty places."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = (columns * (strip_width + GAP)) / (rows * (strip_height + _ROW_GAP))
        empty = (rows * columns - count) / count
        return abs(math.log(shape / 1.5)) + 6.0 * empty

    return min(range(1, min(count, 4) + 1), key=cost)
