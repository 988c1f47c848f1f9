"""A photograph in, the same photograph in colour out: `colorize` for images, `colorize_file` from file to file."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax import files
from pix2pix_jax.color import LUMA_WEIGHTS, as_stored, as_unit
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.gray import GrayPhoto, gray_photo
from pix2pix_jax.inference.like import points_like
from pix2pix_jax.inference.painting import make_chroma, painted_bands, painted_image, side_by_side
from pix2pix_jax.inference.photo_files import explaining, reading, write_photo
from pix2pix_jax.inference.points import Point, check_points
from pix2pix_jax.inference.trained import Trained, given_generator
from pix2pix_jax.photos import check_size, format_of, known_suffix, metadata_to_keep, name_to_write, with_extension

Photo = Image.Image | str | os.PathLike[str]
"""A Pillow image, or the path of a file."""


@overload
def colorize(
    image: Photo, generator: Trained = None, seed: int = 0, points: Sequence[Point] = (), restore: bool = False
) -> Image.Image: ...


@overload
def colorize(
    image: NDArray, generator: Trained = None, seed: int = 0, points: Sequence[Point] = (), restore: bool = False
) -> NDArray: ...


def colorize(
    image: Photo | NDArray,
    generator: Trained = None,
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
        generator: from `load_trained`, or what that is given, which is read in every call unless it is the package's.
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
        photo = _photo_of_array(image)
    elif isinstance(image, Image.Image):
        photo = gray_photo(image)
    elif isinstance(image, str | os.PathLike):
        with reading(Path(image)) as opened:
            photo = gray_photo(opened)
    else:
        raise TypeError(f"expected a path, a Pillow image or a NumPy array, got {type(image).__name__}")
    check_points(points, *photo.luma.shape[::-1])
    photo = photo.restored() if restore else photo
    if not isinstance(image, np.ndarray):
        return painted_image(generator, photo, seed, points)
    bands = painted_bands(photo.luma, make_chroma(generator, as_stored(photo.luma), seed, points))
    rgb = np.concatenate([band for _, band in bands])
    return rgb if photo.alpha is None else np.dstack([rgb, photo.alpha])


def _photo_of_array(image: NDArray) -> GrayPhoto:
    """What is taken from an array, in its dtype, or float32 where that is floating point."""
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, 1 to 4], got {list(image.shape)}")
    if pixels.dtype not in (np.uint8, np.uint16):
        pixels = as_unit(pixels)
    luma, alpha = pixels[..., 0], pixels[..., -1] if pixels.shape[2] in (2, 4) else None
    if pixels.shape[2] >= 3:
        luma = pixels[..., :3] @ LUMA_WEIGHTS
        luma = (np.rint(luma) if pixels.dtype.kind == "u" else luma).astype(pixels.dtype)
    return GrayPhoto(luma, alpha, ())


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
        seed: as for `colorize`.
        overwrite: whether to replace a file that is there.
        damaged: whether what a damaged file still holds is taken.
        all_pages: whether all pages of a TIFF file are coloured, and not the first alone.
        keep_dates: whether the file that is written gets the dates of the photograph's.
        restore: as for `colorize`.
        points: as for `colorize`.
        like: a photograph in colour, whose colours are taken where it shows something alike, see `points_like`.

    Returns:
        The file that was written; the luma of the photograph, or of its first page; and that coloured.

    Raises:
        UserError: if the file cannot be read, or its successor cannot be written.
    """

    def painted(gray: GrayPhoto) -> Image.Image:
        check_points(points, *gray.luma.shape[::-1])
        better = gray.restored() if restore else gray
        found = [] if like is None else points_like(generator, better.luma, like)
        colored = painted_image(generator, better, seed, [*found, *points])
        return side_by_side(gray.image(), colored) if both else colored

    with reading(photo) as image:
        pages = getattr(image, "n_frames", 1) if all_pages and image.format == "TIFF" else 1
        new_name = _name_to_write(name, image, both, pages)
        target = place(new_name)
        gray = _decoded(image, photo, damaged)
        notes = [*_note_of_frames(image, pages), *gray.notes, *_note_of_name(photo, name, new_name, target)]
        metadata = metadata_to_keep(image)
    del image  # what was decoded takes much memory, as the result does
    for text in notes:
        note(text)
    dates, colored = photo.stat(), painted(gray)
    write_photo(colored, target, metadata, overwrite, map(painted, _further_pages(photo, pages, damaged, note)))
    if keep_dates:
        with files.writing(target):
            os.utime(target, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    return target, gray, colored


def _name_to_write(name: Path, image: Image.Image, both: bool, pages: int) -> Path:
    """The name of the result for an image that was opened: its own where that format can hold it."""
    if pages > 1:
        chosen = format_of(name)
        return name if chosen is not None and chosen.name == "TIFF" else with_extension(name, ".tif")
    longer = max(image.size)
    return name_to_write(name, image.has_transparency_data, 2 * longer + longer // 50 + 2 if both else longer)


def _note_of_frames(image: Image.Image, pages: int) -> list[str]:
    """A note where an image has more frames than are coloured; in MPO, which telephones write, they are previews."""
    frames = getattr(image, "n_frames", 1)
    return [f"the first of its {frames} frames is taken"] if frames > pages and image.format != "MPO" else []


def _note_of_name(photo: Path, name: Path, new_name: Path, target: Path) -> list[str]:
    """A note where what is written is not called as the photograph is, or is not where its name is."""
    if new_name != name:
        suffix = known_suffix(name) or "a file without extension"
        return [f"written as {target.name}, for {suffix} cannot hold this image in colour"]
    if photo.is_symlink() and target == photo.resolve():
        return [f"a link: {target} is replaced, which it points to"]
    return [] if target.name == name.name else [f"written as {target.name}, for {name.name} is another photograph's"]


def _decoded(image: Image.Image, photo: Path, damaged: bool) -> GrayPhoto:
    with explaining(photo, "" if damaged else "; --damaged takes what it still holds"):
        return gray_photo(image, damaged)


def _further_pages(photo: Path, pages: int, damaged: bool, note: Callable[[str], object]) -> Iterator[GrayPhoto]:
    """Reads the second page of a TIFF file and those after it, one at a time."""
    for page in range(1, pages):
        with reading(photo) as image:  # opened anew, or a damaged page would show what is left of the one before
            image.seek(page)
            check_size(*image.size, photo)
            gray = _decoded(image, photo, damaged)
        for text in gray.notes:
            note(f"page {page + 1}: {text}")
        yield gray
