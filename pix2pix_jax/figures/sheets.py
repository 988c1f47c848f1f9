"""A sheet of images, each version of an image beside the others, as a PNG file.

Samples of a run, ranked photographs, and the same photographs coloured by several experiments are such sheets.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.files import replacing, writing

_TILE = 192  # longer side of a tile, px, about
_MARGIN, _GUTTER, _GAP = 20, 4, 36  # around the sheet, between the versions of an image, and between images, px
_ROW_GAP = 10  # between rows, px
_TITLE, _HEADING, _TEXT = 28, 24, 18  # sizes of fonts, px
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


def save_sheet(path: Path, title: str, groups: Sequence[Group]) -> None:
    """Saves a sheet on which every pixel of an image is a square of whole pixels.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        title: what is shown, above the sheet, in one or more lines, of which the first is large.
        groups: the images, one group below the other; all have the same size and number of versions.
    """
    height, width = next(iter(groups[0].versions.values())).shape[1:3]
    scale = max(1, round(_TILE / max(height, width)))
    strip = len(groups[0].versions) * (scale * width + _GUTTER) - _GUTTER
    most = max(len(images) for group in groups for images in group.versions.values())
    across = _choose_across(most, scale * height, strip)
    full = 2 * _MARGIN + across * (strip + _GAP) - _GAP
    bands = [_blank(_MARGIN, full)]
    for place, line in enumerate(title.splitlines()):
        font = _font(_TEXT) if place else _font(_TITLE, "-Bold")
        letters = int((full - 2 * _MARGIN) / font.getlength("n"))
        for text in textwrap.wrap(line, letters, break_on_hyphens=False):
            bands.append(_write([(_MARGIN, text)], font, full))
    for group in groups:
        if group.heading:
            bands += [_blank(_TEXT, full), _write([(_MARGIN, group.heading)], _font(_HEADING), full)]
        bands += _draw(group, scale, across, full)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), replacing(path) as temporary:
        Image.fromarray(np.concatenate([*bands, _blank(_MARGIN - _ROW_GAP, full)])).save(temporary, "PNG")


def _draw(group: Group, scale: int, across: int, full: int) -> list[NDArray[np.uint8]]:
    """Draws the images of a group row by row, below the names of their versions, in bands of some width."""
    tiles = [displayed(images).repeat(scale, axis=1).repeat(scale, axis=2) for images in group.versions.values()]
    count, height, width = tiles[0].shape[:3]
    strip = len(tiles) * (width + _GUTTER) - _GUTTER
    lefts = [_MARGIN + column * (strip + _GAP) for column in range(min(across, count))]
    places = [version * (width + _GUTTER) for version in range(len(tiles))]
    bands = []
    for number, line in enumerate(zip_longest(*map(str.splitlines, group.versions), fillvalue="")):
        names = [(left + x + width / 2, text) for left in lefts for x, text in zip(places, line, strict=True)]
        bands.append(_write(names, _font(_TEXT), full, "ms", _FAINT if number else "black"))
    for row in range(0, count, across):
        band, captions = _blank(height, full), []
        for index, left in enumerate(lefts[: count - row], start=row):
            for x, images in zip(places, tiles, strict=True):
                band[:, left + x : left + x + width] = images[index]
            if group.captions:
                captions.append((left, _shorten(group.captions[index], _font(_TEXT), strip)))
        bands += [band, *([_write(captions, _font(_TEXT), full)] if captions else []), _blank(_ROW_GAP, full)]
    return bands


def _write(
    texts: Sequence[tuple[float, str]],
    font: ImageFont.FreeTypeFont,
    full: int,
    anchor: str = "ls",
    color: str = "black",
) -> NDArray[np.uint8]:
    """Writes texts, each with the place of its anchor, px, on a white line of some width."""
    image = Image.new("RGB", (full, round(1.5 * font.size)), "white")
    for x, text in texts:
        shown = text.encode(errors="backslashreplace").decode()  # names of files need not be UTF-8
        ImageDraw.Draw(image).text((x, font.size), shown.replace("\n", " "), color, font, anchor)
    return np.asarray(image)


def _blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 255, np.uint8)


@cache
def _font(size: int, weight: str = "") -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans{weight}.ttf", size)


def _choose_across(count: int, height: int, width: int) -> int:
    """Chooses how many images of a size go side by side: a sheet near 3:2, with few empty places."""

    def cost(across: int) -> float:
        rows = math.ceil(count / across)
        shape = (across * (width + _GAP)) / (rows * (height + _ROW_GAP))
        return abs(math.log(shape / 1.5)) + 6.0 * (rows * across - count) / count

    return min(range(1, min(count, 4) + 1), key=cost)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """A text, its middle left out where it is wider than so many px."""
    halves = range((len(text) - 1) // 2, 0, -1)
    shorter = (f"{text[:half]}…{text[-half:]}" for half in halves)
    return next((each for each in (text, *shorter) if font.getlength(each) <= width), "…")
