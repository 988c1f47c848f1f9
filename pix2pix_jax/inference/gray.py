"""Luma and transparency of an image of any kind that Pillow knows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.photos import load, srgb_bands


class GrayPhoto(NamedTuple):
    """What is taken from a photograph.

    Attributes:
        luma: BT.601 luma of its sRGB values, uint8 [H, W], upright.
        alpha: its opacity, uint8 [H, W]; None where all of it is opaque by nature.
        notes: what the user should know of how it was read, a line each.
    """

    luma: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    notes: tuple[str, ...]

    def image(self) -> Image.Image:
        """It as an image of mode L, or LA where it has transparency."""
        return Image.fromarray(self.luma if self.alpha is None else np.dstack([self.luma, self.alpha]))


def gray_photo(image: Image.Image, damaged: bool = False) -> GrayPhoto:
    """Reads luma and transparency of an image, as training and judging read its colours.

    Args:
        image: an image of any mode; of an animation, the frame it stands at.
        damaged: whether what a damaged file still holds is taken.

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    image, notes = load(image, damaged)
    luma = np.empty((image.height, image.width), np.uint8)
    alpha = np.empty_like(luma) if image.has_transparency_data else None
    for rows, pixels, opacity in srgb_bands(image):
        luma[rows] = np.asarray(pixels.convert("L"))
        if alpha is not None:
            alpha[rows] = np.asarray(opacity)
    return GrayPhoto(luma, alpha, notes)
