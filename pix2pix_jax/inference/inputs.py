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
from pix2pix_jax.inference.photo_files import explaining
from pix2pix_jax.photos import Kind, Pixels, pixels_of, read_pixels, to_channels
from pix2pix_jax.tasks import TranslationTask

Given = str | os.PathLike[str] | Image.Image | NDArray[Any]
"""One image: a path, a Pillow image or an array."""

_logger = logging.getLogger(__name__)

_ALMOST = 0.95  # of the width of images that hold both sides
_GRAY_MODES = ("1", "L", "LA", "La")  # of Pillow
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}


def translation_task(config: Config) -> TranslationTask:
    """The task of a generator that translates; raises UserError if it colours."""
    if not isinstance(config.task, TranslationTask):
        raise UserError(
            f"this generator colours photographs (task {config.task.kind}) and translates no images: use"
            " pix2pix-colorize, or colorize() in Python"
        )
    return config.task


def condition_of(images: Sequence[Pixels], config: Config) -> NDArray[Any]:
    """Joins decoded images to what a generator is given.

    Args:
        images: of one size, as `read_pixels` gives them, floating point in [0, 1].
        config: the generator's.

    Returns:
        [H, W, channels], uint8, uint16, or float32 in [0, 1].

    Raises:
        ValueError: if the sizes differ, or the images cannot give the channels that the generator takes.
        UserError: if the generator colours.
    """
    wanted = translation_task(config).input_channels
    sizes = [_size(image) for image in images]
    if len(set(sizes)) > 1:
        given = ", ".join(f"{width}×{height}" for height, width in sizes)
        raise ValueError(f"expected images of one size, got {given}")
    channels = _channels([_kind(image) for image in images], wanted, translation_task(config).input_parts)
    nearest = config.data.input_interpolation == "nearest"
    parts = [to_channels(image, count, indices=nearest) for image, count in zip(images, channels, strict=True)]
    deepest = max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize)
    return np.concatenate([as_stored(part, deepest) for part in parts], axis=-1)


def condition_of_files(
    files: Sequence[Path], config: Config, notify: Callable[[str], object] = _logger.warning
) -> NDArray[Any]:
    """Reads image files and joins them to what a generator is given, see `condition_of`.

    Args:
        files: the files.
        config: the generator's.
        notify: is told where one half of an image is taken.

    Raises:
        UserError: if a file cannot be read, or they cannot give what the generator takes, or the generator colours.
    """
    try:
        return condition_of(read_images(files, config, notify), config)
    except ValueError as error:
        raise UserError(f"{', '.join(map(str, files))}: {error}") from error


def read_images(
    files: Sequence[Path], config: Config, notify: Callable[[str], object] = _logger.warning
) -> list[Pixels]:
    """Decodes image files for `condition_of`.

    Of a generator that was trained on images that hold A|B, the half that it is given is taken of an image as wide as
    those.

    Args:
        files: the files.
        config: the generator's, which says what range floating point has.
        notify: is told where one half is taken.

    Raises:
        UserError: if a file cannot be read, or its values are not within the range.
    """
    data = config.data
    images = []
    for file in files:
        with explaining(file):
            image = read_pixels(file)
        if not isinstance(image, Image.Image) and image.dtype == np.float32:
            low, high = float(image.min()), float(image.max())
            if not (low >= data.float_min and high <= data.float_max):  # nor NaN
                raise UserError(
                    f"{file} holds {low:g} to {high:g}, and the generator was trained on {data.float_min:g} to"
                    f" {data.float_max:g} (data.float_min and data.float_max of its config): bring it to that range"
                )
            image = (image - np.float32(data.float_min)) / np.float32(data.float_max - data.float_min)
        images.append(_given_half(image, config, notify))
    return images


def _given_half(image: Pixels, config: Config, notify: Callable[[str], object]) -> Pixels:
    """The half of an image that a generator is given, where the image holds both sides; else all of it."""
    aspect, (height, width) = translation_task(config).joined_aspect, _size(image)
    if not aspect or width < _ALMOST * aspect * height:
        return image
    side, place = ("A", "left") if config.data.direction == "AtoB" else ("B", "right")
    notify(f"it is as wide as the A|B images that were trained on, so {side}, its {place} half, is translated")
    start = 0 if side == "A" else width // 2
    if isinstance(image, Image.Image):
        return image.crop((start, 0, start + width // 2, height))
    return image[:, start : start + width // 2]


def output_depth(condition: NDArray[Any], config: Config) -> np.dtype:
    """The type of what a generator makes: of the files that it was trained to make, or else of what it is given."""
    depth = translation_task(config).output_depth
    return condition.dtype if depth == "auto" else np.dtype(depth)


def in_units_of_files(made: NDArray[Any], config: Config) -> NDArray[Any]:
    """Floating point in [0, 1] as the generator's data have it, from `data.float_min` to `data.float_max`."""
    if made.dtype != np.float32:
        return made
    data = config.data
    return made * np.float32(data.float_max - data.float_min) + np.float32(data.float_min)


def decoded(image: Given, config: Config) -> Pixels:
    """Decodes an image for `condition_of`.

    Args:
        image: see `translate`, which also says what is raised.
        config: the generator's.
    """
    if isinstance(image, str | os.PathLike):
        return read_images([Path(image)], config)[0]
    if isinstance(image, Image.Image):
        if image.mode == "I":
            raise ValueError("expected 8 or 16 bits or floating point, got whole numbers of 32 bits")
        pixels = pixels_of(image)
        if isinstance(pixels, Image.Image):
            return pixels
    elif isinstance(image, np.ndarray):
        pixels = image[..., None] if image.ndim == 2 else image
    else:
        raise TypeError(f"expected a path, a Pillow image or a NumPy array, got {type(image).__name__}")
    if pixels.ndim != 3 or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, channels], got {list(pixels.shape)}")
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    return as_unit(pixels)


def _size(pixels: Pixels) -> tuple[int, int]:
    """Height and width, px."""
    return (pixels.height, pixels.width) if isinstance(pixels, Image.Image) else pixels.shape[:2]


def _kind(pixels: Pixels) -> Kind:
    if isinstance(pixels, Image.Image):
        return Kind(len(pixels.getbands()), 1 if pixels.mode in _GRAY_MODES else 3, "uint8")
    return Kind(pixels.shape[2], pixels.shape[2], pixels.dtype.name)


def _channels(kinds: Sequence[Kind], wanted: int, known: tuple[int, ...] | None) -> Sequence[int]:
    """How many channels each image gives to the generator's input; `known` where training has settled it."""
    if split := split_channels([[kind] for kind in kinds], wanted, known):
        return split
    given = " and ".join(f"{kind.channels} of {_DEPTHS[kind.depth]}" for kind in kinds)
    raise ValueError(
        f"the generator takes {wanted} channel{'s' * (wanted > 1)}, got {len(kinds)} image{'s' * (len(kinds) > 1)}"
        f" with {given}"
    )
