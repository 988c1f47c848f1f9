"""From an image file to RGB pixels, the right way up."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.photos import load, open_image, to_rgb, upright_transpose


def read_image(path: Path, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decodes an image file as colouring does, by `pix2pix_jax.photos`.

    ICC profiles and the EXIF orientation are applied. Palettes, grey, CMYK and the like become RGB; what has more bits
    is rounded to 8; what is transparent lies on white. Of an animation, the first frame is taken.

    Args:
        path: the file, in any format Pillow reads.
        shorter_side: if the photograph will be reduced to this shorter side (px) anyway. A JPEG is
            then decoded at 1/2, 1/4 or 1/8 of its size where twice the shorter side remains: many
            times faster, and what is left of the reduction is enough for a good filter.

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
    decoded, _ = load(image)
    upright = upright_transpose(decoded)
    if upright is None:
        return to_rgb(decoded)
    turned = decoded.transpose(upright)
    turned.info = decoded.info
    return to_rgb(turned)
