"""Colour for a photograph of any size: generated at the scale that G knows, joined with the photograph's own luma.

G has learned from photographs of one scale, and eyes see little detail in colour. So G is given the photograph reduced
to that scale, and only the chroma of what it makes is enlarged; every detail stays as sharp as it was. So that no
colour runs over an edge, the enlarged chroma follows the luma's detail, as steeply as the two go together nearby in
what G generated (after the guided filter of He et al., 2013).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import CB_RANGE, CR_RANGE, LUMA_WEIGHTS
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.gray import GrayPhoto
from pix2pix_jax.inference.points import Point, point_map
from pix2pix_jax.inference.squares import faded_bands

# Python's numbers, for NumPy's own would turn float32 arrays into float64.
_RED, _GREEN, _BLUE = (float(weight) for weight in LUMA_WEIGHTS)

# Longer side over shorter side, above which the longer one is squeezed for G: no panorama is as long, and a line of
# pixels must not keep G busy for minutes.
LONGEST = 16

# As when training photographs are reduced: a box average does the first part.
_REDUCING_GAP = 3.0

# Chroma that is enlarged as much as this, or more, follows the luma's detail. Below, that gains nothing: photographs
# themselves have chroma of half their size or less.
_FOLLOWING = 4.0

# How much luma must vary within 3×3 pixels (its variance, of a range of 1) for chroma to follow half as steeply as in
# what G generated. Of 0.001 to 0.04, this leaves the least error in the true chroma of photographs reduced 8 and 12
# times.
_FLAT = 0.02

# Rows are painted in bands of this many pixels, whose temporaries stay in the processor's cache.
_BAND_PIXELS = 2**17

# Columns that are enlarged with one matrix, and the most rows: of all at once, most weights would be zeros.
_BLOCK, _MOST_ROWS = 64, 1024


def make_chroma(
    generator: TrainedGenerator, luma: NDArray[np.uint8], seed: int = 0, points: Sequence[Point] = ()
) -> NDArray[np.float32]:
    """Makes the colour of a photograph, uint8 luma [H, W] of any size, at the generator's scale.

    The generator works in square windows of one size, so that it is compiled once for photographs of every shape. Each
    covers the shorter side; along the longer one they overlap by half or more, and fade into each other. Points of
    colour are those of the upright photograph.

    Returns:
        Cr and Cb, float32 [h, w, 2] in [-0.5, 0.5], covering the whole photograph. The shorter of h and w is the
        config's `coloring_side`, or the shorter side of the training photographs (down to a multiple of what the
        network takes).
    """
    side = coloring_side(generator)
    shorter = min(luma.shape)
    height, width = (min(round(length * side / shorter), LONGEST * side) for length in luma.shape)
    small = _resized(luma, (width, height))
    tops, lefts = (
        np.linspace(0, length - side, math.ceil((length - side) / (side // 2)) + 1).round().astype(int)
        for length in small.shape
    )
    drawn = [point_map(points, luma.shape[::-1], (width, height))] if points else []

    def make(square: NDArray) -> NDArray[np.float32]:
        return generator.make_chroma(square[..., 0].astype(np.uint8), seed, square[..., 1:] if points else None)

    return np.concatenate(list(faded_bands(make, np.dstack([small, *drawn]), side, (tops, lefts), side)))


def coloring_side(generator: TrainedGenerator) -> int:
    """The shorter side of what the generator colours, px: a multiple of what the network takes."""
    multiple, config = generator.network.size_multiple, generator.config
    # Files may name less than a network takes.
    return max((config.coloring_side or config.data.resize) // multiple, 1) * multiple


def _resized(luma: NDArray, size: tuple[int, int]) -> NDArray:
    """Luma at (width, height), in its own range: uint8 of uint8, else float32. Pillow resizes no other types."""
    plane = Image.fromarray(luma if luma.dtype == np.uint8 else luma.astype(np.float32))
    return np.asarray(plane.resize(size, Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP))


def painted_image(
    generator: TrainedGenerator, photo: GrayPhoto, seed: int = 0, points: Sequence[Point] = ()
) -> Image.Image:
    """Colours a photograph: mode RGB, or RGBA where it has transparency; `seed` and `points` as for `make_chroma`."""
    height, width = photo.luma.shape
    image = Image.new("RGB" if photo.alpha is None else "RGBA", (width, height))
    for rows, rgb in painted_bands(photo.luma, make_chroma(generator, photo.luma, seed, points)):
        alpha = [] if photo.alpha is None else [photo.alpha[rows]]
        image.paste(Image.fromarray(np.dstack([rgb, *alpha])), (0, rows.start))
    return image


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two images of one size as one, of the right one's mode, RGB or RGBA."""
    width, height = right.size
    start = width + max(2, min(height, width) // 50)
    # The gap between them shows the page that the image lies on.
    both = Image.new(right.mode, (start + width, height), "white" if right.mode == "RGB" else (255, 255, 255, 0))
    both.paste(left.convert(right.mode))
    both.paste(right, (start, 0))
    return both


def painted_bands(luma: NDArray, chroma: NDArray[np.float32]) -> Iterator[tuple[slice, NDArray]]:
    """Joins a photograph's luma with its colour, a band of rows at a time, so that memory stays small.

    Where a colour is outside the gamut it is drawn towards grey, just far enough: luma is kept everywhere, within a
    third of a level.

    Args:
        luma: [H, W], uint8 in 0..255, uint16 in 0..65535 or float32 in [0, 1].
        chroma: Cr and Cb, float32 [h, w, 2] in [-0.5, 0.5], covering the same; enlarged (bicubic) to H × W, where it
            follows the luma's detail.

    Yields:
        The rows of a band, and their RGB, [rows, W, 3] in luma's dtype and range.
    """
    (height, width), (small_height, small_width) = luma.shape, chroma.shape[:2]
    small = [chroma[..., 0], chroma[..., 1]]
    if follows := max(height / small_height, width / small_width) >= _FOLLOWING:
        reduced = _resized(luma, (small_width, small_height)).astype(np.float32) / np.float32(_white(luma))
        small += [reduced, *(slopes(plane, reduced) for plane in small)]
    planes, across = np.stack(small), list(_weights(width, small_width, _BLOCK))
    for rows, near, weights in _weights(height, small_height, min(max(1, _BAND_PIXELS // width), _MOST_ROWS)):
        tall = (weights @ planes[:, near]).reshape(-1, small_width)
        wide = np.empty((len(tall), width), np.float32)
        for columns, beside, along in across:
            np.matmul(tall[:, beside], along.T, out=wide[:, columns])
        cr, cb, *guide = wide.reshape(len(planes), -1, width)
        if follows:
            smooth, cr_slope, cb_slope = guide
            detail = luma[rows] * np.float32(1.0 / _white(luma)) - smooth
            cr, cb = cr + cr_slope * detail, cb + cb_slope * detail
        yield rows, _paint(luma[rows], cr, cb)


def _weights(length: int, small: int, block: int) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Pillow's bicubic filter from `small` to `length` values, as matrices: four times as fast as it is itself.

    Yields the place of each block of results, that of what they are made of, and the weights [results, those].
    """
    reach = math.ceil(2 * max(small / length, 1.0)) + 1
    for start in range(0, length, block):
        stop = min(start + block, length)
        first, last = start * small / length, stop * small / length
        begin, end = max(0, int(first) - reach), min(small, math.ceil(last) + reach)
        unit = Image.fromarray(np.eye(end - begin, dtype=np.float32))
        box = (0, first - begin, end - begin, last - begin)
        weights = unit.resize((end - begin, stop - start), Image.Resampling.BICUBIC, box=box)
        yield slice(start, stop), slice(begin, end), np.asarray(weights)


def _white(luma: NDArray) -> float:
    return float(np.iinfo(luma.dtype).max) if luma.dtype.kind == "u" else 1.0


def slopes(chroma: NDArray[np.float32], luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """How steeply chroma changes with luma around every pixel: regression in 3×3 pixels, damped where luma is flat."""
    mean_luma, mean_chroma = _means(luma), _means(chroma)
    covariance = _means(luma * chroma) - mean_luma * mean_chroma
    variance = _means(luma * luma) - mean_luma**2
    return (covariance / (variance + _FLAT)).astype(np.float32)


def _means(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of 3×3 pixels around each; those at the edge are repeated. SciPy's filter would take 0.15 s to import."""
    padded = np.pad(plane.astype(np.float64), 1, "edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9.0


def green_and_room(luma: NDArray, red: NDArray, blue: NDArray, white: float = 1.0) -> tuple[NDArray, NDArray]:
    """What of a colour is within the gamut.

    Args:
        luma: float32 [H, W] in [0, white].
        red: by how much red is more than luma, of the same shape and range.
        blue: by how much blue is.
        white: the luma of white.

    Returns:
        By how much green is more than luma; and the share, at most 1, of all three with which red, green and blue stay
        in [0, white].
    """
    green = (red * _RED + blue * _BLUE) / -_GREEN  # weighted, the three sum to 0
    above = np.maximum(np.maximum(red, blue), green)
    below = -np.minimum(np.minimum(red, blue), green)
    tiny = 1e-6 * white
    room = np.minimum((white - luma) / np.maximum(above, tiny), luma / np.maximum(below, tiny))
    return green, np.minimum(room, 1.0, out=room)


def _paint(luma: NDArray, cr: NDArray, cb: NDArray) -> NDArray:
    """RGB [H, W, 3] in the dtype and range of luma [H, W]; Cr and Cb are float32 [H, W] in [-0.5, 0.5]."""
    whole, white, y = luma.dtype.kind == "u", _white(luma), luma.astype(np.float32)
    red, blue = cr * (CR_RANGE * white), cb * (CB_RANGE * white)
    _, room = green_and_room(y, red, blue, white)
    red, blue = y + room * red, y + room * blue
    if whole:
        np.rint(red, out=red)
        np.rint(blue, out=blue)
    # Green, which weighs most, makes up for what the other two lost in rounding.
    green = (y - _RED * red - _BLUE * blue) / _GREEN
    if whole:
        np.rint(green, out=green)
    rgb = np.empty((*luma.shape, 3), luma.dtype)
    for channel, values in enumerate((red, green, blue)):
        rgb[..., channel] = np.clip(values, 0.0, white, out=values)
    return rgb
