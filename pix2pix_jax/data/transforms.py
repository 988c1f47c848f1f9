"""From a photograph of any size to a square of the size the networks see, and memory for many of those."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.errors import UserError

_ALIGNMENT = 64  # bytes; XLA on a CPU takes over arrays that begin at a multiple of this, and copies others

# Above this many source pixels per output pixel, a box average does the first part of the
# reduction: several times faster on large photographs, and at 3 not to be told from the bicubic
# filter alone.
_REDUCING_GAP = 3.0

# Longer side over shorter side, beyond which both ends are cut off: a panorama must not fill the memory.
_LONGEST = 3


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


def max_pixels(resize: int) -> int:
    """The most pixels that `fit` gives back."""
    return resize * (_LONGEST * resize + 1)


def fit(photo: NDArray[np.uint8], image_size: int, resize: int) -> NDArray[np.uint8]:
    """Brings a photograph to the size that crops are cut from.

    A larger one is reduced until its shorter side is `resize`. A smaller one is left as it is, and enlarged only where
    no crop would fit: made-up detail is not worth learning. What is longer than 3:1 loses both ends.

    Args:
        photo: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crops, px.
        resize: shorter side of a larger photograph afterwards, px; at least `image_size`.

    Returns:
        RGB in [0, 255], uint8 [h, w, 3]; min(h, w) is within [image_size, resize].
    """
    shorter = min(photo.shape[:2])
    photo = middle(photo, (min(photo.shape[0], _LONGEST * shorter), min(photo.shape[1], _LONGEST * shorter)))
    target = min(max(shorter, image_size), resize)
    if target == shorter:
        return photo
    height, width = (round(side * target / shorter) for side in photo.shape[:2])
    resized = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP)
    return np.asarray(resized)


def center_crop(photo: NDArray[np.uint8], image_size: int, resize: int) -> NDArray[np.uint8]:
    """Brings a photograph to size and crops its middle: what a trained network is judged on.

    Args:
        photo: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crop, px.
        resize: see `fit`.

    Returns:
        RGB in [0, 255], uint8 [image_size, image_size, 3].
    """
    return middle(fit(photo, image_size, resize), (image_size, image_size))


def middle(image: NDArray, crop: tuple[int, int]) -> NDArray:
    """The middle of an image.

    Args:
        image: [H, W, C].
        crop: height and width of the part wanted, px; at most H and W.

    Returns:
        [*crop, C].
    """
    height, width = crop
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def empty_images(shape: tuple[int, ...], dtype: np.dtype | type = np.uint8) -> NDArray:
    """An uninitialised array of this shape that a CPU device can use without copying it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
