"""A photograph in, the same photograph in colour out: `colorize` for images, `colorize_file` from file to file."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference import photo_files
from pix2pix_jax.inference.gray import GrayPhoto, gray_photo
from pix2pix_jax.inference.painting import make_chroma, painted_bands, painted_image
from pix2pix_jax.inference.photo_files import reading
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained
from pix2pix_jax.photos import known_suffix, load, metadata_to_keep, name_to_write

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


class ColoredFile(NamedTuple):
    """What `colorize_file` has done.

    Attributes:
        target: the file that was written.
        gray: what was taken from the photograph.
        image: what was made of it, mode RGB or RGBA.
    """

    target: Path
    gray: GrayPhoto
    image: Image.Image


def colorize_file(
    photo: Path,
    name: Path,
    generator: TrainedGenerator,
    place: Callable[[Path], Path],
    note: Callable[[str], object],
    side_by_side: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    damaged: bool = False,
) -> ColoredFile:
    """Colours a photograph from file to file: its name, format and metadata are kept where they can be.

    Args:
        photo: the file.
        name: its path relative to the folder of the results.
        generator: the generator.
        place: gives the file to write for such a path, whose extension is one that holds colour. It may refuse, with
            UserError, which costs little: the pixels have not been read.
        note: is told what the user should know of how the file was read, a line each.
        side_by_side: whether to put before and after into one image.
        seed: what dropout follows from, where the generator keeps it.
        overwrite: whether to replace a file that is there.
        damaged: whether what a damaged file still holds is taken.

    Returns:
        What was read, made and written.

    Raises:
        UserError: if the file cannot be read, or its successor cannot be written.
    """
    gray, target, metadata = _read(photo, name, place, note, damaged)
    image = painted_image(generator, gray, side_by_side, seed)
    photo_files.write_photo(image, target, metadata, overwrite)
    return ColoredFile(target, gray, image)


def _read(
    photo: Path, name: Path, place: Callable[[Path], Path], note: Callable[[str], object], damaged: bool
) -> tuple[GrayPhoto, Path, dict[str, Any]]:
    """Reads a file, unless it could not be written, and notes what there is to note: luma, target and metadata.

    Apart from `colorize_file`, so that the decoded file is forgotten before its successor is made.
    """
    with reading(photo) as image:
        new_name = name_to_write(name, image.has_transparency_data)
        target = place(new_name)
        with photo_files.explaining(photo, "" if damaged else "; --damaged takes what it still holds"):
            decoded, notes = load(image, damaged)
        gray = gray_photo(decoded)
        notes = [*photo_files.frames_note(image), *notes, *gray.notes]
        metadata = metadata_to_keep(image)
    if new_name != name:
        suffix = known_suffix(name)
        notes.append(f"written as {target.name}, for {suffix or 'a file without extension'} holds no such colour")
    elif target.name != name.name:
        notes.append(f"written as {target.name}, for another photograph is {name.name}")
    for text in notes:
        note(text)
    return gray, target, metadata


@cache
def _packaged_generator() -> TrainedGenerator:
    return load_trained()
