"""`translate`: an image of any size in, what the generator makes of it out; whole, or in tiles."""

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
from pix2pix_jax.inference.generate import translation_task
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.inputs import Given, condition_of, in_units_of_files, output_depth
from pix2pix_jax.inference.photo_files import writing_photo
from pix2pix_jax.inference.squares import faded_bands
from pix2pix_jax.inference.trained import given_generator
from pix2pix_jax.photos import with_extension

_SHARED = 4  # neighbouring tiles share about this part of their side
_ALIGNED = 16  # px; networks that halve an image treat places that are a multiple of this apart almost alike


def translate(
    image: Given | Sequence[Given],
    generator: TrainedGenerator | str | os.PathLike[str],
    seed: int = 0,
    tile: int | None = None,
) -> Image.Image | NDArray[Any]:
    """Translates an image of any size.

    The generator's config says how it normalises and whether it drops out (`test_time`). The output depends on the
    image, the generator and the seed alone.

    Args:
        image: the path of an image file (8 or 16 bits, or floating point; PNG, JPEG, TIFF, .npy and others), a Pillow
            image, or an array [H, W] or [H, W, channels] of uint8, uint16, or floating point in [0, 1]. EXIF
            orientations are applied. Images of 8 bits become grey or RGB where the generator takes 1 or 3 channels;
            any other number has to be right. Of a generator that takes several images, a list of them, all of one size.
        generator: from `load_trained`, or a run's folder or a file, which is read in every call.
        seed: what dropout follows from, where `test_time` keeps it.
        tile: side in pixels of overlapping squares, for images too large to be generated at once; rounded up to what
            the network takes. Statistics of the batch are then those of each square. None for the whole image at
            once.

    Returns:
        An image of the same size. A Pillow image for files and Pillow images of 8 bits where the generator makes 1 or 3
        channels; else an array [H, W, output channels]. Its type (uint8, uint16 or float32) is the config's
        `task.output_depth`, as of the files that the generator was trained to make; if that is auto, what was given.
        Floating point of files is in the range that the run's `data.float_min` and `data.float_max` say.

    Raises:
        TypeError: if `image` is something else.
        ValueError: if it has another number of channels than the generator takes, or is an array of another shape,
            type or range.
        UserError: if a file cannot be read or is not what the generator takes, the image does not fit into the memory,
            or the generator colours.
    """
    generator = given_generator(generator)
    images: list[Any] = list(image) if isinstance(image, list | tuple) else [image]
    made = translate_array(condition_of(images, generator.config), generator, seed, tile)
    if any(isinstance(one, np.ndarray) for one in images):
        return made
    if made.dtype == np.uint8 and made.shape[2] in (1, 3):
        return Image.fromarray(made[..., 0] if made.shape[2] == 1 else made)
    from_file = any(isinstance(one, str | os.PathLike) for one in images)
    return in_units_of_files(made, generator.config) if from_file else made


def translate_array(
    condition: NDArray[Any], generator: TrainedGenerator, seed: int = 0, tile: int | None = None
) -> NDArray[Any]:
    """As `translate`, of what `condition_of` gives: [H, W, output channels], of the type that `output_depth` gives."""
    height, width = condition.shape[:2]
    depth, side = output_depth(condition, generator.config), 0 if tile is None else generator.side_taken(tile)
    try:
        if not 0 < side < max(height, width):
            return as_stored(generator.translate(condition[None], seed)[0], depth)
        overlap = side // _SHARED // _ALIGNED * _ALIGNED or side // _SHARED
        tops, lefts = (range(0, max(length - overlap, 1), side - overlap) for length in (height, width))
        missing = [(0, tops[-1] + side - height), (0, lefts[-1] + side - width), (0, 0)]
        bands = faded_bands(
            lambda square: generator.translate(square[None], seed)[0],
            np.pad(condition, missing, "reflect"),
            side,
            (tops, lefts),
            overlap,
        )
        return np.concatenate([as_stored(band, depth)[:, :width] for band in bands])[:height]
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        tile = generator.side_taken(512)
        raise UserError(
            f"an image of {width}×{height} does not fit into the memory: generate it in smaller squares, with --tile"
            f" {tile}, or tile={tile} in Python"
        ) from error


def translated_name(name: Path, condition: NDArray[Any], config: Config) -> Path:
    """The name of a file to write: .png where PNG holds the output for a condition, else .tif."""
    channels, depth = translation_task(config.task).output_channels, output_depth(condition, config)
    png = (channels == 1 and depth.kind == "u") or (channels in (3, 4) and depth == np.uint8)
    return with_extension(name, ".png" if png else ".tif")


def write_translated(made: NDArray[Any], target: Path, config: Config, overwrite: bool = False) -> None:
    """Writes an output of `translate_array`, losing nothing, to a file whose extension `translated_name` gave.

    Raises:
        UserError: if it cannot be written, or is there already and not to be overwritten.
    """
    channels = made.shape[2]
    pixels = in_units_of_files(made[..., 0] if channels == 1 else made, config)
    with writing_photo(target, overwrite) as file:
        if target.suffix == ".png":
            Image.fromarray(pixels).save(file, "PNG", compress_level=2)
            return
        import tifffile

        kind = "rgb" if channels in (3, 4) else "minisblack"
        layout = "contig" if channels > 1 else None
        tifffile.imwrite(file, pixels, photometric=kind, planarconfig=layout, compression="zlib")
