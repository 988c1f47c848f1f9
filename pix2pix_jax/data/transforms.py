"""From a photograph of any size to a square of the size the networks see."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.errors import UserError

# Above this many source pixels per output pixel, a box average does the first part of the
# reduction: several times faster on large photographs, and at 3 not to be told from the bicubic
# filter alone.
_REDUCING_GAP = 3.0


def check_sizes(image_size: int, resize: int) -> None:
    """Makes sure that a crop fits into the resized photograph.

    Args:
        image_size: side of the crop, px.
        resize: shorter side of the photograph before the crop, px.

    Raises:
        UserError: if the crop is empty, or larger than the photograph.
    """
    if image_size < 1:
        raise UserError(f"image_size={image_size}: wanted at least 1 pixel")
    if resize < image_size:
        raise UserError(
            f"data.resize={resize} is less than image_size={image_size}, so no crop fits: "
            f"give --config.data.resize={image_size} or more"
        )


def random_crop(image: NDArray[np.uint8], image_size: int, resize: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Resizes, crops at a random place, and mirrors half of the time: what training sees.

    Args:
        image: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crop, px.
        resize: shorter side of the photograph before the crop, px; at least `image_size`.
        rng: drawn from exactly three times, whatever the photograph's size.

    Returns:
        RGB in [0, 255], uint8 [image_size, image_size, 3].
    """
    down, right, mirror = rng.random(3)
    crop = _resized_crop(image, image_size, resize, down=down, right=right)
    return crop[:, ::-1] if mirror < 0.5 else crop


def center_crop(image: NDArray[np.uint8], image_size: int, resize: int) -> NDArray[np.uint8]:
    """Resizes and crops the middle: what a trained network is judged on.

    Args:
        image: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crop, px.
        resize: shorter side of the photograph before the crop, px; at least `image_size`.

    Returns:
        RGB in [0, 255], uint8 [image_size, image_size, 3].
    """
    return _resized_crop(image, image_size, resize, down=0.5, right=0.5)


def _resized_crop(
    image: NDArray[np.uint8], image_size: int, resize: int, *, down: float, right: float
) -> NDArray[np.uint8]:
    """Crops a square out of the photograph as it is when its shorter side is `resize` px.

    Only the square's own pixels are resampled, not the whole photograph, so a long thin one costs
    no more.

    Args:
        image: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crop, px.
        resize: shorter side of the photograph before the crop, px; at least `image_size`.
        down: vertical place of the crop among all possible ones, in [0, 1).
        right: horizontal place of the crop among all possible ones, in [0, 1).

    Returns:
        RGB in [0, 255], uint8 [image_size, image_size, 3].
    """
    height, width = image.shape[:2]
    scale = resize / min(height, width)
    top = int(down * (round(height * scale) - image_size + 1))
    left = int(right * (round(width * scale) - image_size + 1))
    if scale == 1:
        return image[top : top + image_size, left : left + image_size]

    # Rounding can put the box a hair outside the photograph, which Pillow refuses.
    side = min(image_size / scale, height, width)
    box_top = min(top / scale, height - side)
    box_left = min(left / scale, width - side)
    box = (box_left, box_top, min(box_left + side, width), min(box_top + side, height))
    crop = Image.fromarray(image).resize(
        (image_size, image_size), Image.Resampling.BICUBIC, box=box, reducing_gap=_REDUCING_GAP
    )
    return np.asarray(crop)
