"""`colorize`: a photograph in, the same photograph in colour out."""

import os
from functools import cache
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.inference.painting import make_chroma, painted_bands, painted_image
from pix2pix_jax.inference.photo_files import reading
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained

_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, RGB, RGBA


@overload
def colorize(
    image: Image.Image | str | os.PathLike[str], generator: TrainedGenerator | None = None, seed: int = 0
) -> Image.Image: ...


@overload
def colorize(image: NDArray, generator: TrainedGenerator | None = None, seed: int = 0) -> NDArray: ...


def colorize(
    image: Image.Image | str | os.PathLike[str] | NDArray, generator: TrainedGenerator | None = None, seed: int = 0
) -> Image.Image | NDArray:
    """Colours a photograph of any size; of one in colour, only the luma is looked at.

    Luma is kept in every pixel, within a level of 255; colours that do not exist at a luma are drawn towards grey.

    Args:
        image: a Pillow image of any mode or the path of an image file, whose ICC profile and EXIF orientation are
            applied; or an array [H, W] or [H, W, channels], with channels grey, grey and alpha, RGB, or RGBA: uint8,
            uint16, or floating point in [0, 1]; sRGB.
        generator: from `load_trained`; None for the one that comes with the package.
        seed: what dropout follows from, where the generator's config (`test_time`) keeps it.

    Returns:
        A Pillow image for an image or a file: of mode RGB, or RGBA where the given one has transparency. An array for
        an array: [H, W, 3], or [H, W, 4] with the alpha given, in the dtype and range given (float32 where that is
        floating point).

    Raises:
        TypeError: if `image` is something else.
        ValueError: if it is an array of another shape, dtype or range.
        UserError: if a file cannot be read.
    """
    generator = generator or _packaged_generator()
    if isinstance(image, str | os.PathLike):
        with reading(Path(image)) as opened:
            return painted_image(generator, gray_photo(opened), seed=seed)
    if isinstance(image, Image.Image):
        return painted_image(generator, gray_photo(image), seed=seed)
    if not isinstance(image, np.ndarray):
        raise TypeError(f"expected a path, a Pillow image or a NumPy array, got {type(image).__name__}")
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, 1 to 4], got {list(image.shape)}")
    if pixels.dtype == np.uint8:
        photo = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return np.array(painted_image(generator, gray_photo(photo), seed=seed))
    return _colorize_deep(generator, pixels, seed)


def _colorize_deep(generator: TrainedGenerator, pixels: NDArray, seed: int) -> NDArray:
    """As `colorize`, for arrays [H, W, channels] of more than 8 bits."""
    if np.issubdtype(pixels.dtype, np.floating):
        if not (pixels.min() >= 0.0 and pixels.max() <= 1.0):  # nor NaN
            raise ValueError(f"expected floating point in [0, 1], got {pixels.min()} to {pixels.max()}")
        pixels, white = pixels.astype(np.float32), 1.0
    elif pixels.dtype == np.uint16:
        white = 65535.0
    else:
        raise ValueError(f"expected uint8, uint16 or floating point, got {pixels.dtype}")
    luma = pixels[..., 0].astype(np.float32)
    if pixels.shape[2] >= 3:
        luma = pixels[..., :3].astype(np.float32) @ LUMA_WEIGHTS.astype(np.float32)
    chroma = make_chroma(generator, np.rint(luma * (255.0 / white)).astype(np.uint8), seed)
    alpha = pixels[..., 3:] if pixels.shape[2] >= 3 else pixels[..., 1:]
    colored = np.empty((*luma.shape, 3 + alpha.shape[2]), pixels.dtype)
    colored[..., 3:] = alpha
    luma = (np.rint(luma) if white > 1.0 else luma).astype(pixels.dtype)
    for rows, rgb in painted_bands(luma, chroma):
        colored[rows, :, :3] = rgb
    return colored


@cache
def _packaged_generator() -> TrainedGenerator:
    return load_trained()
