"""Colours photographs: `pix2pix-colorize PHOTO_OR_FOLDER… [--out OUT]`, and `colorize(image)` in Python.

What takes long to import (JAX, above all) is imported when there is something to colour, so that a mistake in the
command is told at once.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from pix2pix_jax.errors import UserError

if TYPE_CHECKING:
    from pix2pix_jax.gray import GrayPhoto
    from pix2pix_jax.trained import TrainedGenerator

_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, RGB, RGBA


@overload
def colorize(image: Image.Image, generator: "TrainedGenerator | None" = None) -> Image.Image: ...


@overload
def colorize(image: NDArray, generator: "TrainedGenerator | None" = None) -> NDArray: ...


def colorize(image: Image.Image | NDArray, generator: "TrainedGenerator | None" = None) -> Image.Image | NDArray:
    """Colours a photograph of any size; of one in colour, only the luma is looked at.

    Luma is kept in every pixel, within a level of 255; colours that do not exist at a luma are drawn towards grey.

    Args:
        image: a Pillow image of any mode, whose ICC profile and EXIF orientation are applied; or an array [H, W] or
            [H, W, channels], with channels grey, grey and alpha, RGB, or RGBA: uint8, uint16, or floating point in
            [0, 1]; sRGB.
        generator: from `pix2pix_jax.trained.load_trained`; None for the one that comes with the package.

    Returns:
        Of a Pillow image one of mode RGB, or RGBA where the given one has transparency. Of an array one of shape
        [H, W, 3], or [H, W, 4] with the alpha given, in the dtype and range given (float32 where that is floating
        point).

    Raises:
        ValueError: an array of another shape, dtype or range.
        UserError: if there is no generator to colour with.
    """
    from pix2pix_jax.colorizer import painted_image
    from pix2pix_jax.gray import gray_photo

    generator = generator or _packaged_generator()
    if isinstance(image, Image.Image):
        return painted_image(generator, gray_photo(image))
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS or pixels.size == 0:
        raise ValueError(f"expected an image [H, W] or [H, W, 1 to 4], got {list(image.shape)}")
    if pixels.dtype == np.uint8:
        photo = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return np.array(painted_image(generator, gray_photo(photo)))
    return _colorize_deep(generator, pixels)


def _colorize_deep(generator: "TrainedGenerator", pixels: NDArray) -> NDArray:
    """As `colorize`, for arrays [H, W, channels] of more than 8 bits."""
    from pix2pix_jax.color import LUMA_WEIGHTS
    from pix2pix_jax.colorizer import make_chroma, painted_bands

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
    chroma = make_chroma(generator, np.rint(luma * (255.0 / white)).astype(np.uint8))
    alpha = pixels[..., 3:] if pixels.shape[2] >= 3 else pixels[..., 1:]
    colored = np.empty((*luma.shape, 3 + alpha.shape[2]), pixels.dtype)
    colored[..., 3:] = alpha
    luma = (np.rint(luma) if white > 1.0 else luma).astype(pixels.dtype)
    for rows, rgb in painted_bands(luma, chroma):
        colored[rows, :, :3] = rgb
    return colored


@cache
def _packaged_generator() -> "TrainedGenerator":
    from pix2pix_jax.trained import load_trained

    return load_trained()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: of the command; None for the process's own.

    Returns:
        The exit status: 0; 1 if anything could not be coloured; 130 where interrupted. A mistake in the arguments
        exits with 2.
    """
    options = _parser().parse_args(arguments)
    # What Pillow has to say of odd files goes to the user as notes and errors. Its limit counts half of what it allows.
    warnings.filterwarnings("ignore", module="PIL")
    Image.MAX_IMAGE_PIXELS = round(options.max_megapixels * 500_000)
    try:
        return _colorize_files(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: what was finished is kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pix2pix-colorize",
        description="Colours photographs, grey or not (colour is reduced to grey first), at their full size.",
    )
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER", help="image files, and folders searched recursively"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("colorized"),
        help="folder for the coloured photographs, which keep their names (default: %(default)s)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="RUN_OR_FILE",
        help="colour with a run of yours (its folder) or a generator's .safetensors file, not with the pretrained one",
    )
    parser.add_argument(
        "--saturation",
        type=_positive,
        metavar="FACTOR",
        help="strength of the colours: 1 as the generator makes them, more for bolder ones (default: what the"
        " generator's config says)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.add_argument("--side-by-side", action="store_true", help="put before and after into one image")
    parser.add_argument(
        "--max-megapixels",
        type=_positive,
        default=2e-6 * (Image.MAX_IMAGE_PIXELS or 0),
        metavar="N",
        help="refuse larger images, which may be traps that fill the memory (default: Pillow's %(default).0f)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def _colorize_files(options: argparse.Namespace) -> int:
    """Colours everything that was given; returns the exit status."""
    photos = list(dict.fromkeys(_find(options.photos, options.out)))

    from pix2pix_jax.cli import use_compilation_cache
    from pix2pix_jax.trained import load_trained

    use_compilation_cache()
    generator = load_trained(options.checkpoint)
    if options.saturation is not None:
        generator = generator.with_saturation(options.saturation)
    _check_out(options.out)
    failed = 0
    owners = {_place(photo): photo for photo, _ in photos}
    # None: no bar where nobody sees it.
    for photo, name in tqdm(photos, unit="photo", disable=True if len(photos) == 1 else None):
        try:
            _colorize_file(generator, photo, name, options, owners)
        except UserError as error:
            tqdm.write(f"error: {error}", file=sys.stderr)
            failed += 1
    if len(photos) > failed:
        print(f"{len(photos) - failed} coloured: {options.out}")
    if failed and len(photos) > 1:
        print(f"error: {failed} of {len(photos)} photographs could not be coloured", file=sys.stderr)
    return 1 if failed else 0


def _place(path: Path) -> Path:
    """Where a file is, by which two paths to it are known as one; a link as the last part stays one."""
    return path.parent.resolve() / path.name


def _find(given: Sequence[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each photograph, and its path relative to OUT."""
    from pix2pix_jax.data.scan import walk_images

    for path in given:
        if path.is_dir():
            # What an earlier run left in a folder within is no new photograph.
            inner = None if out.resolve() == path.resolve() else out
            names = sorted(walk_images(path, inner))
            if not names:
                raise UserError(f"{path} holds no images")
            yield from ((path / name, Path(name)) for name in names)
        elif path.exists():
            yield path, Path(path.name)
        else:
            raise UserError(f"there is no file or folder {path}")


def _check_out(out: Path) -> None:
    """Makes the folder, and raises UserError unless files can be made there."""
    from pix2pix_jax.data.scan import describe_failure

    if out.suffix.lower() in Image.registered_extensions() and not out.is_dir():
        raise UserError(f"--out {out} looks like a file: give a folder, in which photographs keep their names")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not os.access(out, os.W_OK | os.X_OK):
            raise PermissionError("no permission")
    except OSError as error:
        raise UserError(f"photographs cannot be written to {out}: {describe_failure(error)}") from error


def _colorize_file(
    generator: "TrainedGenerator", photo: Path, name: Path, options: argparse.Namespace, owners: dict[Path, Path]
) -> None:
    """Colours a file.

    Args:
        generator: the generator.
        photo: the file.
        name: its path relative to OUT.
        options: the command's.
        owners: files that this run must not replace, each with the photograph it is, or is made of; the new one is
            added.

    Raises:
        UserError: if the file cannot be read, or nothing be written.
    """
    from pix2pix_jax import photo_files
    from pix2pix_jax.colorizer import painted_image

    gray, target, metadata = _read(photo, name, options, owners)
    image = painted_image(generator, gray, options.side_by_side)
    photo_files.write_photo(image, target, metadata, overwrite=options.overwrite)
    owners[_place(target)] = photo


def _read(
    photo: Path, name: Path, options: argparse.Namespace, owners: dict[Path, Path]
) -> tuple["GrayPhoto", Path, dict[str, Any]]:
    """Reads a file, unless it could not be written, and notes what there is to note: luma, target and metadata.

    Apart from `_colorize_file`, so that the decoded file is forgotten before its successor is made.
    """
    from pix2pix_jax import photo_files
    from pix2pix_jax.gray import gray_photo

    with photo_files.reading(photo) as image:
        new_name = photo_files.name_to_write(name, image.has_transparency_data)
        target = photo_files.target_within(options.out, new_name)
        owner = owners.get(_place(target), photo)
        if owner != photo:
            raise UserError(f"{photo} would be written to {target}, which is {owner}'s: give it another --out")
        if os.path.lexists(target) and not options.overwrite:
            raise photo_files.already_there(target)
        gray = gray_photo(image)
        notes = [*photo_files.frames_note(image), *gray.notes]
        metadata = photo_files.metadata_to_keep(image)
    if new_name != name:
        notes.append(
            f"written as {new_name.name}, for {name.suffix or 'a file without extension'} holds no such colour"
        )
    for note in notes:
        tqdm.write(f"note: {photo}: {note}", file=sys.stderr)
    return gray, target, metadata


if __name__ == "__main__":
    sys.exit(main())
