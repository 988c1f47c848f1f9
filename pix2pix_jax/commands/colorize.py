"""Colours photographs: `pix2pix-colorize PHOTO_OR_FOLDER… [--out OUT]`.

What takes long to import (JAX, above all) is imported when there is something to colour, so that a mistake in the
command is told at once.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from pix2pix_jax.commands.arguments import positive_float
from pix2pix_jax.errors import UserError

if TYPE_CHECKING:
    from pix2pix_jax.inference.gray import GrayPhoto
    from pix2pix_jax.inference.trained import TrainedGenerator


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
        type=positive_float,
        metavar="FACTOR",
        help="strength of the colours: 1 as the generator makes them, more for bolder ones (default: what the"
        " generator's config says)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.add_argument("--side-by-side", action="store_true", help="put before and after into one image")
    parser.add_argument(
        "--max-megapixels",
        type=positive_float,
        default=2e-6 * (Image.MAX_IMAGE_PIXELS or 0),
        metavar="N",
        help="refuse larger images, which may be traps that fill the memory (default: Pillow's %(default).0f)",
    )
    return parser


def _colorize_files(options: argparse.Namespace) -> int:
    """Colours everything that was given; returns the exit status."""
    for path in options.photos:
        if not path.exists():
            raise UserError(f"there is no file or folder {path}")
    photos = list(dict.fromkeys(_find(options.photos, options.out)))

    from pix2pix_jax.commands.cli import use_compilation_cache
    from pix2pix_jax.inference.trained import load_trained

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
    from pix2pix_jax.data.sources.scan import walk_images

    for path in given:
        if path.is_dir():
            # What an earlier run left in a folder within is no new photograph.
            inner = None if out.resolve() == path.resolve() else out
            names = sorted(walk_images(path, inner))
            if not names:
                raise UserError(f"{path} holds no images")
            yield from ((path / name, Path(name)) for name in names)
        else:
            yield path, Path(path.name)


def _check_out(out: Path) -> None:
    """Makes the folder, and raises UserError unless files can be made there."""
    from pix2pix_jax.data.sources.scan import describe_failure

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
    from pix2pix_jax.inference import photo_files
    from pix2pix_jax.inference.painting import painted_image

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
    from pix2pix_jax.inference import photo_files
    from pix2pix_jax.inference.gray import gray_photo

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
