"""From a decoded image of any mode to sRGB pixels of 8 bits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.photos.opening import load, open_image
from pix2pix_jax.photos.profiles import profile_of

# Large photographs are converted in bands, so that what a conversion takes on the way stays small.
_BAND_PIXELS = 2**22


def read_image(path: Path, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decodes an image file to RGB pixels.

    ICC profiles and the EXIF orientation are applied. Palettes, grey, CMYK and the like become RGB; what has more bits
    is rounded to 8; what is transparent lies on white. Of an animation, the first frame is taken.

    Args:
        path: the file, see `open_image`.
        shorter_side: if the photograph will be reduced to this shorter side (px) anyway. A JPEG is then decoded at 1/2,
            1/4 or 1/8 of its size where twice the shorter side remains: many times faster, and what is left of the
            reduction is enough for a good filter.

    Returns:
        RGB in [0, 255], uint8 [H, W, 3].

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    with open_image(path) as image:
        if shorter_side is not None:
            image.draft(None, (2 * shorter_side, 2 * shorter_side))
        return upright_rgb(image)


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Decodes an open image: RGB in [0, 255], uint8 [H, W, 3]; see `read_image`, errors included."""
    return to_rgb(load(image)[0])


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """A decoded image of 8 bits a channel as sRGB [H, W, 3], with what is transparent on white."""
    if image.mode == "RGB" and profile_of(image)[0] is None and not image.has_transparency_data:
        return np.asarray(image)  # most photographs
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows, pixels, alpha in srgb_bands(image):
        if alpha is not None:
            pixels = Image.composite(pixels, Image.new(pixels.mode, pixels.size, "white"), alpha)
        rgb[rows] = np.asarray(pixels.convert("RGB"))
    return rgb


def srgb_bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image, Image.Image | None]]:
    """Cuts an image, from `load`, into bands of rows, and brings each to sRGB, as its profile asks for.

    Yields:
        The rows; their pixels, sRGB, of mode "L" or "RGB"; their opacity, of mode "L", where it has one.
    """
    to_srgb, _ = profile_of(image)
    step = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, step):
        rows = slice(top, min(top + step, image.height))
        band, alpha = image.crop((0, rows.start, image.width, rows.stop)), None
        if image.has_transparency_data:
            band = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
            alpha = band.getchannel("A")
        if to_srgb is not None:
            band = to_srgb(band)
        elif band.mode not in ("L", "RGB"):
            band = band.convert("L" if band.mode == "1" else "RGB")
        yield rows, band, alpha
