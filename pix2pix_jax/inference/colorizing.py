"""A photograph in, the same photograph in colour out: `colorize` for images, `colorize_file` from file to file."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax import files
from pix2pix_jax.color import LUMA_WEIGHTS, as_unit
from pix2pix_jax.inference import photo_files
from pix2pix_jax.inference.gray import GrayPhoto, gray_photo
from pix2pix_jax.inference.painting import gap_between, make_chroma, painted_bands, painted_image
from pix2pix_jax.inference.photo_files import reading
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained
from pix2pix_jax.photos import (
    check_size,
    format_of,
    known_suffix,
    load,
    metadata_to_keep,
    name_to_write,
    orientation_of,
    with_extension,
)

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
    white = 65535.0 if pixels.dtype == np.uint16 else 1.0
    if pixels.dtype != np.uint16:
        pixels = as_unit(pixels)
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


class Wishes(NamedTuple):
    """How `colorize_file` goes about it.

    Attributes:
        side_by_side: whether to put before and after into one image.
        seed: what dropout follows from, where the generator keeps it.
        overwrite: whether to replace a file that is there.
        damaged: whether what a damaged file still holds is taken.
        all_pages: whether all pages of a TIFF file are coloured, and not the first alone.
        keep_dates: whether the file that is written gets the dates of the photograph's.
    """

    side_by_side: bool = False
    seed: int = 0
    overwrite: bool = False
    damaged: bool = False
    all_pages: bool = False
    keep_dates: bool = False


class ColoredFile(NamedTuple):
    """What `colorize_file` has done.

    Attributes:
        target: the file that was written.
        gray: what was taken from the photograph, or its first page.
        image: what was made of that, mode RGB or RGBA.
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
    wishes: Wishes = Wishes(),  # noqa: B008 - cannot be changed
) -> ColoredFile:
    """Colours a photograph from file to file: its name, format and metadata are kept where they can be.

    Args:
        photo: the file.
        name: its path relative to the folder of the results.
        generator: the generator.
        place: gives the file to write for such a path, whose extension is one that holds colour. It may refuse, with
            UserError, which costs little: the pixels have not been read.
        note: is told what the user should know of how the file was read, a line each.
        wishes: how to go about it.

    Returns:
        What was read, made and written.

    Raises:
        UserError: if the file cannot be read, or its successor cannot be written.
    """
    dates = photo.stat() if wishes.keep_dates else None
    read = _read(photo, name, place, note, wishes)
    image = painted_image(generator, read.gray, wishes.side_by_side, wishes.seed)
    if read.pages == 1:
        photo_files.write_photo(image, read.target, read.metadata, wishes.overwrite)
    else:
        further = _further_pages(photo, generator, note, wishes)
        photo_files.write_pages(chain([image], further), read.target, read.metadata, wishes.overwrite)
    if dates is not None:
        with files.writing(read.target):
            os.utime(read.target, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    return ColoredFile(read.target, read.gray, image)


class _Read(NamedTuple):
    gray: GrayPhoto
    target: Path
    metadata: dict[str, Any]
    pages: int


def _read(
    photo: Path, name: Path, place: Callable[[Path], Path], note: Callable[[str], object], wishes: Wishes
) -> _Read:
    """Reads a file, or its first page, unless its successor could not be written, and notes what there is to note.

    Apart from `colorize_file`, so that the decoded file is forgotten before its successor is made.
    """
    with reading(photo) as image:
        pages = image.n_frames if wishes.all_pages and image.format == "TIFF" else 1  # type: ignore[attr-defined]
        new_name = _name_to_write(name, image, wishes.side_by_side, pages)
        target = place(new_name)
        with photo_files.explaining(photo, "" if wishes.damaged else "; --damaged takes what it still holds"):
            decoded, notes = load(image, wishes.damaged)
        gray = gray_photo(decoded)
        notes = [*(photo_files.frames_note(image) if pages == 1 else ()), *notes, *gray.notes]
        metadata = metadata_to_keep(image)
    if new_name != name:
        suffix = known_suffix(name)
        notes.append(
            f"written as {target.name}, for {suffix or 'a file without extension'} cannot hold this image in colour"
        )
    elif photo.is_symlink() and target == photo.resolve():
        notes.append(f"a link: {target} is replaced, which it points to")
    elif target.name != name.name:
        notes.append(f"written as {target.name}, for {name.name} is another photograph's")
    for text in notes:
        note(text)
    return _Read(gray, target, metadata, pages)


def _name_to_write(name: Path, image: Image.Image, side_by_side: bool, pages: int) -> Path:
    """The name of what is made of an opened image, with the extension of a format that holds it."""
    if pages > 1:
        chosen = format_of(name)
        return name if chosen is not None and chosen.name == "TIFF" else with_extension(name, ".tif")
    width, height = image.size
    if orientation_of(image) >= 5:  # on its side
        width, height = height, width
    made = 2 * width + gap_between(width, height) if side_by_side else width
    return name_to_write(name, image.has_transparency_data, max(made, height))


def _further_pages(
    photo: Path, generator: TrainedGenerator, note: Callable[[str], object], wishes: Wishes
) -> Iterator[Image.Image]:
    """Colours the second page of a TIFF file and those after it, one at a time."""
    with reading(photo) as image:
        for page in range(1, image.n_frames):  # type: ignore[attr-defined]
            with photo_files.explaining(photo):
                image.seek(page)
                check_size(*image.size, photo)
                gray = gray_photo(image)
            for text in gray.notes:
                note(f"page {page + 1}: {text}")
            yield painted_image(generator, gray, wishes.side_by_side, wishes.seed)


@cache
def _packaged_generator() -> TrainedGenerator:
    return load_trained()
