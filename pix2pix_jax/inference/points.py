"""Points of colour: what a person knows of a photograph's colours, and the map of it that a generator is given."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from pix2pix_jax.color import RGB_TO_YCRCB
from pix2pix_jax.errors import UserError, did_you_mean

MOST = 1000
"""Points of one photograph."""

_VERSION = 1  # of the file's format
_WRITTEN = re.compile(r"([^,]+),([^,]+),(.+?)(?:,([^,)]+))?")  # a colour may have commas in parentheses
_LARGEST = 1e9  # no photograph is as wide
_RADIUS = 0.0125  # of the shorter side: 2 pixels of 160, in the middle of the sizes that generators are trained with


@dataclass(frozen=True)
class Point:
    """A place in a photograph and the colour that it had.

    Attributes:
        x: from the left edge of the upright photograph: pixels, or where it is a float in [0, 1] a share of the width.
        y: from the top edge; pixels, or a share of the height.
        color: any colour that Pillow's ImageColor knows, such as "#7b2d26", "royalblue" or "hsl(20, 60%, 50%)". Its
            chroma counts; the luma stays the photograph's, so "gray" keeps a place grey.
        radius: half the side of the square that has the colour: pixels, or a share of the shorter side; None for
            1/80 of that.
        time: of a film, the second from which on the place has the colour, until the scene ends.

    Raises:
        UserError: if a number is not finite or negative, or the colour is unknown.
    """

    x: float
    y: float
    color: str
    radius: float | None = None
    time: float = 0.0

    def __post_init__(self) -> None:
        numbers = [self.x, self.y, self.time, *([] if self.radius is None else [self.radius])]
        # Within what a float holds, and so not NaN either.
        if not all(isinstance(n, int | float) and 0 <= n < _LARGEST for n in numbers):
            raise UserError(f"a point of colour needs numbers from 0 for x, y, radius and time, got {numbers}")
        _ = self.chroma

    @property
    def chroma(self) -> NDArray[np.float32]:
        """Cr and Cb of the colour, float32 [2] in [-0.5, 0.5]."""
        try:
            rgb = ImageColor.getrgb(self.color)[:3]
        except (ValueError, AttributeError, TypeError) as error:
            near = did_you_mean(str(self.color), ImageColor.colormap)
            raise UserError(f"{self.color} is no colour: give #rrggbb or a name such as royalblue{near}") from error
        return (RGB_TO_YCRCB[1:] @ np.array(rgb) / 255.0).astype(np.float32)


def parse_point(text: str) -> Point:
    """The point that is written as X,Y,COLOR or X,Y,COLOR,RADIUS; a number with a decimal point is a share.

    Raises:
        UserError: if it is written in another way.
    """
    found = _WRITTEN.fullmatch(text)
    try:
        x, y, color, radius = found.groups() if found else ("", "", "", None)
        return Point(_number(x), _number(y), color.strip(), None if radius is None else _number(radius))
    except ValueError as error:
        raise UserError(
            f"{text} is no point of colour: give X,Y,COLOR or X,Y,COLOR,RADIUS, such as 1200,340,#7b2d26"
        ) from error


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def read_points(file: Path) -> dict[str, list[Point]]:
    """Reads a file of points: {"version": 1, "photographs": {NAME: [{"x", "y", "color", "radius", "time"}, …]}}.

    Names are those of files, below the folder that is coloured; radius and time may be missing, see `Point`.

    Raises:
        UserError: if it cannot be read, or is no such file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise UserError(f"{file} is of version {content['version']}, and this program reads version {_VERSION}")
        return {name: [Point(**point) for point in points] for name, points in content["photographs"].items()}
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{file} is no file of points ({error}): docs/colouring.md describes the format") from error


def check_points(points: Sequence[Point], width: int, height: int, film: bool = False) -> None:
    """Raises UserError unless all points lie within a photograph or film of that size, and they are not too many."""
    if len(points) > MOST:
        raise UserError(f"{len(points):,} points of colour, and at most {MOST:,} are taken for a photograph")
    for point in points:
        x, y = in_pixels(point.x, width), in_pixels(point.y, height)
        if point.time and not film:
            raise UserError(f"a point of colour has the time {point.time}, which only those of films have")
        if x > width or y > height:
            raise UserError(f"the point {point.x},{point.y} is outside the picture, which is {width}×{height} pixels")


def point_map(points: Iterable[Point], size: tuple[int, int], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Draws points as a generator is given them; of two that overlap, the later counts.

    Args:
        points: the points.
        size: width and height of the upright photograph, pixels.
        grid: width and height of what the generator sees of all of it, pixels.

    Returns:
        [grid height, grid width, 3]: 1 where a point is and 0 elsewhere; there Cr and Cb in [-1, 1], 0 elsewhere.
    """
    (width, height), (columns, rows) = size, grid
    drawn = np.zeros((rows, columns, 3), np.float32)
    for point in points:
        radius = in_pixels(_RADIUS if point.radius is None else point.radius, min(size)) * min(grid) / min(size)
        radius = max(radius, 1.0)  # a square of 3 pixels at the least
        square = tuple(
            _span(in_pixels(value, length) * cells / length, radius, cells)
            for value, length, cells in ((point.y, height, rows), (point.x, width, columns))
        )
        drawn[square] = (1.0, *(2.0 * point.chroma))
    return drawn


def _span(middle: float, radius: float, length: int) -> slice:
    """What lies within a radius of the middle, of a row of so many pixels; the last holds what is at the end."""
    middle = min(middle, length - 1)
    return slice(max(0, math.floor(middle - radius)), math.floor(middle + radius) + 1)


def in_pixels(value: float, length: int) -> float:
    """A number of a point in pixels; where it is a share, of the length."""
    return value * length if isinstance(value, float) and value <= 1.0 else value
