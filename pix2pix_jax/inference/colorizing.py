"""A photograph in, the same photograph in colour out: `colorize` for images, `colorize_file` from file to file."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax import files
from pix2pix_jax.color import LUMA_WEIGHTS, as_stored, as_unit
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.gray import GrayPhoto, gray_photo, restored
from pix2pix_jax.inference.like import points_like
from pix2pix_jax.inference.painting import make_chroma, painted_bands, painted_image, side_by_side
from pix2pix_jax.inference.photo_files import explaining, reading, write_photo
from pix2pix_jax.inference.points import Point, check_points
from pix2pix_jax.inference.trained import given_generator
from pix2pix_jax.photos import check_size, format_of, known_suffix, metadata_to_keep, name_to_write, with_extension

Photo = Image.Image | str | os.PathLike[str]
"""A Pillow image, or the path of a file."""

Generator = TrainedGenerator | str | os.PathLike[str]
"""A generator, or what `load_trained` reads one from."""


@overload
def colorize(
    image: Photo, generator: Generator | None = None, seed: int = 0, points: Sequence[Point] = (), restore: bool = False
) -> Image.Image: ...


@overload
def colorize(
    image: NDArray,
    generator: Generator | None = None,
    seed: int = 0,
    points: Sequence[Point] = (),
    restore: bool = False,
) -> NDArray: ...


def colorize(
    image: Photo | NDArray,
    generator: Generator | None = None,
    seed: int = 0,
    points: Sequence[Point] = (),
    restore: bool = False,
) -> Image.Image | NDArray:
    """Colours a photograph of any size; of one in colour, only the luma is looked at.

    Luma is kept in every pixel, within a level of 255, unless it is to be restored; colours that do not exist at a luma
    are drawn towards grey.

    Args:
        image: a Pillow image of any mode or the path of an image file, whose ICC profile and EXIF orientation are
            applied; or an array [H, W] or [H, W, channels], with channels grey, grey and alpha, RGB, or RGBA: uint8,
            uint16, or floating point in [0, 1]; sRGB.
        generator: from `load_trained`, or what that is given: a run's folder, a file, "pretrained" or "reference",
            read in every call unless it is the package's; None for "pretrained".
        seed: what dropout follows from, where the generator's config (`test_time`) keeps it.
        points: places whose colour is known, in the upright photograph.
        restore: whether black and white of a faded print are brought back before it is coloured, see `restored`.

    Returns:
        A Pillow image for an image or a file: of mode RGB, or RGBA where the given one has transparency. An array for
        an array: [H, W, 3], or [H, W, 4] with the alpha given, in the dtype and range given (float32 where that is
        floating point).

    Raises:
        TypeError: if `image` is something else.
        ValueError: if it is an array of another shape, dtype or range.
        UserError: if a file cannot be read, or a point lies outside the photograph, or the generator takes none.
    """
    generator = given_generator(generator)
    if isinstance(image, np.ndarray):
        return _colorize_array(generator, image, seed, points, restore)
    if isinstance(image, Image.Image):
        photo = gray_photo(image)
    elif isinstance(image, str | os.PathLike):
        with reading(Path(image)) as opened:
            photo = gray_photo(opened)
    else:
        raise TypeError(f"expected a path, a Pillow image or a NumPy array, got {type(image).__name__}")
    check_points(points, *photo.luma.shape[::-1])
    return painted_image(generator, photo.restored() if restore else photo, seed, points)


def _colorize_array(
    generator: TrainedGenerator, image: NDArray, seed: int, points: Sequence[Point], restore: bool
) -> NDArray:
    """As `colorize`, for arrays."""
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, 1 to 4], got {list(image.shape)}")
    if pixels.dtype not in (np.uint8, np.uint16):
        pixels = as_unit(pixels)
    luma, alpha = pixels[..., 0], pixels[..., 1:]
    if pixels.shape[2] >= 3:
        luma, alpha = pixels[..., :3] @ LUMA_WEIGHTS, pixels[..., 3:]
        luma = (np.rint(luma) if pixels.dtype.kind == "u" else luma).astype(pixels.dtype)
    luma = restored(luma) if restore else luma
    colored = np.empty((*luma.shape, 3 + alpha.shape[2]), pixels.dtype)
    colored[..., 3:] = alpha
    check_points(points, *luma.shape[::-1])
    for rows, rgb in painted_bands(luma, make_chroma(generator, as_stored(luma), seed, points)):
        colored[rows, :, :3] = rgb
    return colored


def colorize_file(
    photo: Path,
    name: Path,
    generator: TrainedGenerator,
    place: Callable[[Path], Path],
    note: Callable[[str], object],
    *,
    both: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    damaged: bool = False,
    all_pages: bool = False,
    keep_dates: bool = False,
    restore: bool = False,
    points: Sequence[Point] = (),
    like: Image.Image | None = None,
) -> tuple[Path, GrayPhoto, Image.Image]:
    """Colours a photograph from file to file: its name, format and metadata are kept where they can be.

    Args:
        photo: the file.
        name: its path relative to the folder of the results.
        generator: the generator.
        place: gives the file to write for such a path, whose extension is one that holds colour. It may refuse, with
            UserError, which costs little: the pixels have not been read.
        note: is told what the user should know of how the file was read, a line each.
        both: whether to put before and after into one image.
        seed: what dropout follows from, where the generator keeps it.
        overwrite: whether to replace a file that is there.
        damaged: whether what a damaged file still holds is taken.
        all_pages: whether all pages of a TIFF file are coloured, and not the first alone.
        keep_dates: whether the file that is written gets the dates of the photograph's.
        restore: whether black and white of a faded print are brought back before it is coloured, see `restored`.
        points: places whose colour is known, in the upright photograph.
        like: a photograph in colour, whose colours are taken where it shows something alike, see `points_like`.

    Returns:
        The file that was written; what was taken from the photograph, or its first page; and what was made of that.

    Raises:
        UserError: if the file cannot be read, or its successor cannot be written.
    """

    def painted(gray: GrayPhoto) -> Image.Image:
        check_points(points, *gray.luma.shape[::-1])
        better = gray.restored() if restore else gray
        found = [] if like is None else points_like(generator, better.luma, like)
        made = painted_image(generator, better, seed, [*found, *points])
        return side_by_side(gray.image(), made) if both else made

    gray, target, metadata, pages = _read(photo, name, place, note, both, damaged, all_pages)
    dates = photo.stat()
    image = painted(gray)
    further = map(painted, _further_pages(photo, note)) if pages > 1 else ()
    write_photo(image, target, metadata, overwrite, further)
    if keep_dates:
        with files.writing(target):
            os.utime(target, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    return target, gray, image


def _read(
    photo: Path,
    name: Path,
    place: Callable[[Path], Path],
    note: Callable[[str], object],
    both: bool,
    damaged: bool,
    all_pages: bool,
) -> tuple[GrayPhoto, Path, dict[str, Any], int]:
    """Reads a file, or its first page, unless its successor could not be written, and notes what there is to note.

    Apart from `colorize_file`, so that the decoded file is forgotten before its successor is made.

    Returns:
        What was taken from it, the file to write, the metadata to keep, and the number of pages to colour.
    """
    notes = []
    with reading(photo) as image:
        pages = getattr(image, "n_frames", 1) if all_pages and image.format == "TIFF" else 1
        longer = max(image.size)
        new_name = name_to_write(name, image.has_transparency_data, 2 * longer + longer // 50 + 2 if both else longer)
        if pages > 1:
            chosen = format_of(name)
            new_name = name if chosen is not None and chosen.name == "TIFF" else with_extension(name, ".tif")
        target = place(new_name)
        with explaining(photo, "" if damaged else "; --damaged takes what it still holds"):
            gray = gray_photo(image, damaged)
        frames = getattr(image, "n_frames", 1)
        # In an MPO file, which telephones write, the further frames are previews and the like.
        if frames > pages and image.format != "MPO":
            notes.append(f"the first of its {frames} frames is taken")
        metadata = metadata_to_keep(image)
    notes += gray.notes
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
    return gray, target, metadata, pages


def _further_pages(photo: Path, note: Callable[[str], object]) -> Iterator[GrayPhoto]:
    """Reads the second page of a TIFF file and those after it, one at a time."""
    with reading(photo) as image:
        for page in range(1, getattr(image, "n_frames", 1)):
            image.seek(page)
            check_size(*image.size, photo)
            gray = gray_photo(image)
            for text in gray.notes:
                note(f"page {page + 1}: {text}")
            yield gray
