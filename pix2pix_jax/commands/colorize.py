"""Colours photographs: `pix2pix-colorize PHOTO_OR_FOLDER… [--out OUT]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix_jax.commands import images
from pix2pix_jax.commands.arguments import add_step, add_test_time, at_test_time, positive_float
from pix2pix_jax.photos import known_suffix, load, metadata_to_keep, name_to_write

if TYPE_CHECKING:
    from pix2pix_jax.inference.gray import GrayPhoto

_WORDS = images.Words("coloured", "photographs", lambda name: name_to_write(name, alpha=False))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: of the command; None for the process's own.

    Returns:
        The exit status: 0; 1 if anything could not be coloured; 130 where interrupted. A mistake in the arguments
        exits with 2.
    """
    return images.run(_parser().parse_args(arguments), _WORDS, images.find_files, _prepare)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pix2pix-colorize",
        description="Colours photographs, grey or not (colour is reduced to grey first), at their full size.",
    )
    images.add_arguments(parser, "PHOTO_OR_FOLDER", "colorized", _WORDS)
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
    parser.add_argument("--side-by-side", action="store_true", help="put before and after into one image")
    parser.add_argument(
        "--damaged", action="store_true", help="of a damaged file, colour what it still holds; the rest is blank"
    )
    add_step(parser)
    add_test_time(parser)
    return parser


def _prepare(options: argparse.Namespace) -> images.Work:
    from pix2pix_jax.inference import photo_files
    from pix2pix_jax.inference.painting import painted_image
    from pix2pix_jax.inference.trained import load_trained

    generator = at_test_time(load_trained(options.checkpoint, options.step), options.test_time)
    if options.saturation is not None:
        generator = generator.with_saturation(options.saturation)

    def colorize(item: images.Item, targets: images.Targets) -> None:
        gray, target, metadata = _read(item, targets, options.damaged)
        image = painted_image(generator, gray, options.side_by_side, options.seed)
        photo_files.write_photo(image, target, metadata, overwrite=options.overwrite)

    return colorize


def _read(item: images.Item, targets: images.Targets, damaged: bool) -> tuple["GrayPhoto", Path, dict[str, Any]]:
    """Reads a file, unless it could not be written, and notes what there is to note: luma, target and metadata.

    Apart from `colorize`, so that the decoded file is forgotten before its successor is made.
    """
    from pix2pix_jax.inference import photo_files
    from pix2pix_jax.inference.gray import gray_photo

    photo, name = item.files[0], item.name
    with photo_files.reading(photo) as image:
        new_name = name_to_write(name, image.has_transparency_data)
        target = targets.place(item, new_name)
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
        images.note(photo, text)
    return gray, target, metadata


if __name__ == "__main__":
    sys.exit(main())
