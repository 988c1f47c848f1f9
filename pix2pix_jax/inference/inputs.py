"""What a generator that translates is given: images of any kind, as one array of the channels that it takes."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import as_stored, as_unit
from pix2pix_jax.config import Config
from pix2pix_jax.data.pairs.checks import split_channels
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.generate import translation_task
from pix2pix_jax.inference.photo_files import explaining
from pix2pix_jax.photos import Pixels, kind_of, pixels_of, read_pixels, to_channels
from pix2pix_jax.tasks import TranslationTask

Given = str | os.PathLike[str] | Image.Image | NDArray[Any]
"""One image: a path, a Pillow image or an array."""

_logger = logging.getLogger(__name__)

_PATHS = (str, os.PathLike)
_ALMOST = 0.95  # of the width of images that hold both sides
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}


def condition_of(
    images: Sequence[Given], config: Config, notify: Callable[[str], object] = _logger.warning
) -> NDArray[Any]:
    """Reads images and joins them to what a generator is given.

    Of a generator that was trained on images that hold A|B, the half that it is given is taken of a file as wide as
    those.

    Args:
        images: of one size, see `translate`.
        config: the generator's.
        notify: is told where one half is taken.

    Returns:
        [H, W, channels], uint8, uint16, or float32 in [0, 1].

    Raises:
        TypeError, ValueError, UserError: as `translate`.
    """
    task, files = translation_task(config.task), [str(image) for image in images if isinstance(image, _PATHS)]
    decoded = [_decoded(image, config) for image in images]
    indices = config.data.input_interpolation == "nearest"
    try:
        counts = _channels(decoded, task)
        parts = [to_channels(image, count, indices=indices) for image, count in zip(decoded, counts, strict=True)]
    except ValueError as error:
        if files:
            raise UserError(f"{', '.join(files)}: {error}") from error
        raise
    deepest = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
    condition = np.concatenate([as_stored(part, deepest) for part in parts], axis=-1)
    height, width = condition.shape[:2]
    if not files or not task.joined_aspect or width < _ALMOST * task.joined_aspect * height:
        return condition
    left = config.data.direction == "AtoB"
    half = "A, its left half" if left else "B, its right half"
    notify(f"it is as wide as the A|B images that were trained on, so {half}, is translated")
    return condition[:, : width // 2] if left else condition[:, width // 2 : width // 2 * 2]


def _channels(images: Sequence[Pixels], task: TranslationTask) -> tuple[int, ...]:
    """How many channels each image gives to the generator's input."""
    sizes = [image.size if isinstance(image, Image.Image) else image.shape[1::-1] for image in images]
    if len(set(sizes)) > 1:
        given = ", ".join(f"{width}×{height}" for width, height in sizes)
        raise ValueError(f"expected images of one size, got {given}")
    wanted, kinds = task.input_channels, [kind_of(image) for image in images]
    if split := split_channels([[kind] for kind in kinds], wanted, task.input_parts):
        return split
    given = " and ".join(f"{kind.channels} of {_DEPTHS[kind.depth]}" for kind in kinds)
    number = f"{len(images)} image{'s' * (len(images) > 1)}"
    raise ValueError(f"the generator takes {wanted} channel{'s' * (wanted > 1)}, got {number} with {given}")


def _decoded(image: Given, config: Config) -> Pixels:
    """Decodes an image; floating point in [0, 1]."""
    if isinstance(image, _PATHS):
        return _read(Path(image), config)
    if not isinstance(image, Image.Image | np.ndarray):
        raise TypeError(f"expected a path, a Pillow image or a NumPy array, got {type(image).__name__}")
    pixels = pixels_of(image) if isinstance(image, Image.Image) else image
    if isinstance(pixels, Image.Image):
        return pixels
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, channels], got {list(pixels.shape)}")
    return pixels if pixels.dtype in (np.uint8, np.uint16) else as_unit(pixels)


def _read(file: Path, config: Config) -> Pixels:
    """Decodes a file; floating point, which has the range that the config says, becomes that in [0, 1]."""
    data = config.data
    with explaining(file):
        image = read_pixels(file)
    if isinstance(image, Image.Image) or image.dtype != np.float32:
        return image
    low, high = float(image.min()), float(image.max())
    if not (low >= data.float_min and high <= data.float_max):  # nor NaN
        raise UserError(
            f"{file} holds {low:g} to {high:g}, and the generator was trained on {data.float_min:g} to"
            f" {data.float_max:g} (data.float_min and data.float_max of its config): bring it to that range"
        )
    return (image - np.float32(data.float_min)) / np.float32(data.float_max - data.float_min)


def output_depth(condition: NDArray[Any], config: Config) -> np.dtype:
    """The type of what a generator makes: of the files that it was trained to make, or else of what it is given."""
    depth = translation_task(config.task).output_depth
    return condition.dtype if depth == "auto" else np.dtype(depth)


def in_units_of_files(made: NDArray[Any], config: Config) -> NDArray[Any]:
    """Floating point in [0, 1] as the generator's data have it, from `data.float_min` to `data.float_max`."""
    if made.dtype != np.float32:
        return made
    data = config.data
    return made * np.float32(data.float_max - data.float_min) + np.float32(data.float_min)
