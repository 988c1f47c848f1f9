"""`translate`: an image of any size in, what the generator makes of it out.

Networks take sizes that are multiples of some number. An image of such a size goes through as it is. Any other is
continued to the right and downwards by its own reflection, and what is made of that part is cut off again.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import as_stored
from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import photo_files
from pix2pix_jax.inference.inputs import (
    Given,
    condition_of,
    decoded,
    in_units_of_files,
    output_depth,
    translation_task,
)
from pix2pix_jax.inference.trained import TrainedGenerator
from pix2pix_jax.photos import with_extension

# px. Each size that a network is run at has to be compiled, which takes as long as several images: what has to be
# padded is padded to multiples of this, so that images of many sizes need few.
_GRID = 32
_SHARED = 4  # neighbouring tiles share about this part of their side
_ALIGNED = 16  # px; networks that halve an image treat places that are a multiple of this apart almost alike


def translate(
    image: Given | Sequence[Given], generator: TrainedGenerator, seed: int = 0, tile: int | None = None
) -> Image.Image | NDArray[Any]:
    """Translates an image of any size.

    The generator's config says how it normalises and whether it drops out (`test_time`). What is made depends on the
    image, the generator and the seed alone.

    Args:
        image: the path of an image file (8 or 16 bits, or floating point; PNG, JPEG, TIFF, .npy and others), a Pillow
            image, or an array [H, W] or [H, W, channels] of uint8, uint16, or floating point in [0, 1]. EXIF
            orientations are applied. Images of 8 bits become grey or RGB where the generator takes 1 or 3 channels;
            any other number has to be right. Of a generator that takes several images, a list of them, all of one size.
        generator: from `load_trained`.
        seed: what dropout follows from, where `test_time` keeps it.
        tile: side in pixels of overlapping squares that an image is made of, for what is too large to be made at
            once; rounded up to what the network takes. Statistics of the batch are then those of each square.
            None for the whole image at once.

    Returns:
        An image of the same size. A Pillow image for files and Pillow images of 8 bits where the generator makes 1 or 3
        channels; else an array [H, W, output channels]. Its type (uint8, uint16 or float32) is the config's
        `task.output_depth`, as of the files that the generator was trained to make; if that is auto, what was given.
        Floating point of files is in the range that the run's `data.float_min` and `data.float_max` say.

    Raises:
        TypeError: if `image` is something else.
        ValueError: if it has another number of channels than the generator takes, or is an array of another shape,
            type or range.
        UserError: if a file cannot be read, the image does not fit into the memory, or the generator colours.
    """
    images: list[Any] = list(image) if isinstance(image, list | tuple) else [image]
    condition = condition_of([decoded(one, generator.config) for one in images], generator.config)
    made = translate_array(condition, generator, seed, tile)
    if any(isinstance(one, np.ndarray) for one in images):
        return made
    if made.dtype == np.uint8 and made.shape[2] in (1, 3):
        return Image.fromarray(made[..., 0] if made.shape[2] == 1 else made)
    from_file = any(isinstance(one, str | os.PathLike) for one in images)
    return in_units_of_files(made, generator.config) if from_file else made


def translate_array(
    condition: NDArray[Any], generator: TrainedGenerator, seed: int = 0, tile: int | None = None
) -> NDArray[Any]:
    """Translates what a generator is given.

    Args:
        condition: [H, W, channels], uint8, uint16, or float32 in [0, 1]; with as many channels as the generator takes.
        generator: the generator.
        seed: as for `translate`.
        tile: as for `translate`.

    Returns:
        [H, W, output channels], of the type that `output_depth` gives.

    Raises:
        UserError: if the image does not fit into the memory, or the generator colours.
    """
    height, width = condition.shape[:2]
    side = 0 if tile is None else _side_taken(generator, tile)
    try:
        if 0 < side < max(height, width):
            return _tiled(condition, generator, seed, side)
        return as_stored(
            translate_stack(condition[None], generator, seed)[0], output_depth(condition, generator.config)
        )
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            f"an image of {width}×{height} does not fit into the memory: have it made of smaller squares, with --tile"
            f" {_side_taken(generator, 512)}, or tile={_side_taken(generator, 512)} in Python"
        ) from error


def translated_name(name: Path, condition: NDArray[Any], config: Config) -> Path:
    """The name of a file to write, with the extension of a format that holds what is made of a condition."""
    channels = translation_task(config).output_channels
    return with_extension(name, photo_files.extension_for(output_depth(condition, config), channels))


def write_translated(made: NDArray[Any], target: Path, config: Config, overwrite: bool = False) -> None:
    """Writes what `translate_array` made to a file.

    Args:
        made: [H, W, output channels].
        target: the file, whose extension `translated_name` gave.
        config: the generator's.
        overwrite: whether to replace a file that is there.

    Raises:
        UserError: if it cannot be written, or is there already.
    """
    if made.dtype == np.uint8 and target.suffix == ".png":
        image = Image.fromarray(made[..., 0] if made.shape[2] == 1 else made)
        photo_files.write_photo(image, target, {}, overwrite)
    else:
        photo_files.write_array(in_units_of_files(made, config), target, overwrite)


def translate_stack(images: NDArray[Any], generator: TrainedGenerator, seed: int = 0) -> NDArray[np.float32]:
    """Translates images of one size, which may be any.

    Args:
        images: [N, H, W, channels], uint8, uint16, or float32 in [0, 1]; with as many channels as the generator takes.
        generator: the generator.
        seed: what dropout follows from, where `test_time` keeps it; each image draws its own.

    Returns:
        [N, H, W, output channels] in [0, 1].

    Raises:
        UserError: if the generator colours.
    """
    translation_task(generator.config)
    height, width = size = images.shape[1:3]
    taken = [_side_taken(generator, side) for side in size]
    if taken != list(size):
        taken = [_side_taken(generator, math.ceil(side / _GRID) * _GRID) for side in size]
    padded = _padded(images, *taken)
    return generator.translate(padded, seed)[:, :height, :width]


def _side_taken(generator: TrainedGenerator, side: int) -> int:
    """The least height or width that is no less than `side`, px, and that the network takes."""
    network = generator.model.generator
    return math.ceil(max(side, network.smallest_size) / network.size_multiple) * network.size_multiple


def _padded(images: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Images [N, H, W, channels] continued to some height and width by their reflection, as often as that takes."""
    down, right = height - images.shape[1], width - images.shape[2]
    return np.pad(images, [(0, 0), (0, down), (0, right), (0, 0)], "reflect") if down or right else images


def _tiled(condition: NDArray[Any], generator: TrainedGenerator, seed: int, side: int) -> NDArray[Any]:
    """As `translate_array`, in squares that fade into each other.

    Beside the image and what is made of it, only a band of squares is in memory.
    """
    height, width = condition.shape[:2]
    overlap = side // _SHARED // _ALIGNED * _ALIGNED or side // _SHARED
    tops, lefts = (range(0, max(length - overlap, 1), side - overlap) for length in (height, width))
    condition = _padded(condition[None], tops[-1] + side, lefts[-1] + side)
    # A square's say falls linearly where it shares its place with the next.
    place = np.arange(side)
    ramp = np.minimum(np.minimum(place, place[::-1]) + 1, overlap).astype(np.float32)
    down, across = _total(ramp, tops), _total(ramp, lefts)
    say = ramp[:, None, None] * ramp[None, :, None]
    depth = output_depth(condition, generator.config)
    made = np.empty((*condition.shape[1:3], generator.config.task.generator_channels), depth)
    band = np.zeros((side, *made.shape[1:]), np.float32)
    for top, below in zip(tops, [*tops[1:], len(made)], strict=True):
        for left in lefts:
            square = condition[:, top : top + side, left : left + side]
            band[:, left : left + side] += say * generator.translate(square, seed)[0]
        finished = below - top
        weight = down[top:below, None, None] * across[None, :, None]
        made[top:below] = as_stored(band[:finished] / weight, depth)
        band = np.concatenate([band[finished:], np.zeros_like(band[:finished])])
    return made[:height, :width]


def _total(ramp: NDArray[np.float32], starts: range) -> NDArray[np.float32]:
    """The sum of what squares that begin at some places have to say of each row or column."""
    total = np.zeros(starts[-1] + len(ramp), np.float32)
    for start in starts:
        total[start : start + len(ramp)] += ramp
    return total
