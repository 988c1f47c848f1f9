"""Colour for a photograph of any size: made at the scale that G knows, joined with the photograph's own luma.

G has learned from photographs of one scale, and eyes see little detail in colour. So G is given the photograph reduced
to that scale, and only the chroma of what it makes is enlarged; every detail stays as sharp as it was.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import CB_RANGE, CR_RANGE, LUMA_WEIGHTS
from pix2pix_jax.inference.gray import GrayPhoto
from pix2pix_jax.inference.trained import TrainedGenerator

# Python's numbers, for NumPy's own would turn float32 arrays into float64.
_RED, _GREEN, _BLUE = (float(weight) for weight in LUMA_WEIGHTS)

# Longer side over shorter side, above which the longer one is squeezed for G: no panorama is as long, and a line of
# pixels must not keep G busy for minutes.
_LONGEST = 16

# As when training photographs are reduced: a box average does the first part.
_REDUCING_GAP = 3.0

# Rows are painted in bands of this many pixels, whose temporaries stay in the processor's cache.
_BAND_PIXELS = 2**17


def make_chroma(generator: TrainedGenerator, luma: NDArray[np.uint8], seed: int = 0) -> NDArray[np.float32]:
    """Makes the colour of a photograph, at the generator's scale.

    The generator works in square windows of one size, so that it is compiled once for photographs of every shape. Each
    covers the shorter side; along the longer one they overlap by half or more, and fade into each other.

    Args:
        generator: the generator.
        luma: the photograph, uint8 [H, W]; of any size.
        seed: what dropout follows from, where the generator keeps it.

    Returns:
        Cr and Cb, float32 [h, w, 2] in [-0.5, 0.5], covering the whole photograph. The shorter of h and w is the
        shorter side of the training photographs (down to a multiple of what the network takes).
    """
    multiple = generator.model.generator.size_multiple
    side = generator.config.data.resize // multiple * multiple
    small = _fit(luma, side)
    axis = int(np.argmax(small.shape))
    # A window's say in the colour of a row or column falls linearly from its middle to its ends.
    ramp = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1.0
    ramp = np.expand_dims(ramp.astype(np.float32), (1 - axis, 2))
    total = np.zeros((*small.shape, 2), np.float32)
    weight = np.zeros((*small.shape, 1), np.float32)
    steps = math.ceil((small.shape[axis] - side) / (side // 2))
    for start in np.linspace(0, small.shape[axis] - side, steps + 1).round().astype(int):
        window = (slice(None),) * axis + (slice(start, start + side),)
        total[window] += ramp * generator.make_chroma(small[window], seed)
        weight[window] += ramp
    return total / weight


def _fit(luma: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resizes so that the shorter side is `side`, and the longer one at most `_LONGEST` times that."""
    shorter = min(luma.shape)
    height, width = (min(round(length * side / shorter), _LONGEST * side) for length in luma.shape)
    if (height, width) == luma.shape:
        return luma
    image = Image.fromarray(luma).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP)
    return np.asarray(image)


def painted_image(
    generator: TrainedGenerator, photo: GrayPhoto, side_by_side: bool = False, seed: int = 0
) -> Image.Image:
    """Colours a photograph.

    Args:
        generator: the generator.
        photo: the photograph.
        side_by_side: whether to put the grey photograph to the left of the coloured one.
        seed: what dropout follows from, where the generator keeps it.

    Returns:
        Mode RGB, or RGBA where the photograph has transparency; of the photograph's size, or its height and somewhat
        more than twice its width.
    """
    height, width = photo.luma.shape
    gap = max(2, min(height, width) // 50)
    left = width + gap if side_by_side else 0
    opaque = photo.alpha is None
    # The gap shows the page that the image lies on.
    image = Image.new("RGB" if opaque else "RGBA", (left + width, height), "white" if opaque else (255, 255, 255, 0))
    for rows, rgb in painted_bands(photo.luma, make_chroma(generator, photo.luma, seed)):
        alpha = [] if photo.alpha is None else [photo.alpha[rows]]
        image.paste(Image.fromarray(np.dstack([rgb, *alpha])), (left, rows.start))
        if side_by_side:
            image.paste(Image.fromarray(np.dstack([photo.luma[rows]] * 3 + alpha)), (0, rows.start))
    return image


def painted_bands(luma: NDArray, chroma: NDArray[np.float32]) -> Iterator[tuple[slice, NDArray]]:
    """Joins a photograph's luma with its colour, a band of rows at a time, so that memory stays small.

    Where a colour is outside the gamut it is drawn towards grey, just far enough: luma is kept everywhere, within a
    third of a level.

    Args:
        luma: [H, W], uint8 in 0..255, uint16 in 0..65535 or float32 in [0, 1].
        chroma: Cr and Cb, float32 [h, w, 2] in [-0.5, 0.5], covering the same; enlarged (bicubic) to H × W.

    Yields:
        The rows of a band, and their RGB, [rows, W, 3] in luma's dtype and range.
    """
    (height, width), (small_height, small_width) = luma.shape, chroma.shape[:2]
    planes = [Image.fromarray(np.ascontiguousarray(chroma[..., channel])) for channel in range(2)]
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        # Pillow's filter looks beyond the box, so that bands meet without a seam.
        box = (0, top * small_height / height, small_width, bottom * small_height / height)
        cr, cb = (
            np.asarray(plane.resize((width, bottom - top), Image.Resampling.BICUBIC, box=box)) for plane in planes
        )
        yield slice(top, bottom), _paint(luma[top:bottom], cr, cb)


def _paint(luma: NDArray, cr: NDArray[np.float32], cb: NDArray[np.float32]) -> NDArray:
    """RGB [H, W, 3] in the dtype and range of luma [H, W]; Cr and Cb are float32 [H, W] in [-0.5, 0.5]."""
    whole = np.issubdtype(luma.dtype, np.integer)
    white = float(np.iinfo(luma.dtype).max) if whole else 1.0
    y = luma.astype(np.float32)
    red, blue = cr * (CR_RANGE * white), cb * (CB_RANGE * white)
    green = (red * _RED + blue * _BLUE) / -_GREEN
    # So far the distances from grey: two signs at least, for weighted they sum to 0. The one that leaves [0, white] by
    # the largest factor says how much of all three there is room for.
    above = np.maximum(np.maximum(red, blue), green)
    below = -np.minimum(np.minimum(red, blue), green)
    tiny = 1e-6 * white
    room = np.minimum((white - y) / np.maximum(above, tiny), y / np.maximum(below, tiny))
    room = np.minimum(room, 1.0, out=room)
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
