"""Translates images: `pix2pix-translate IMAGE_OR_FOLDER… --checkpoint RUN_OR_FILE [--out OUT]`."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pix2pix_jax.commands import images, pipes
from pix2pix_jax.commands.arguments import add_step, add_test_time, at_test_time, positive_int
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import with_extension

_WORDS = images.Words("translated", "images", lambda name: with_extension(name, ".png"))

_DESCRIPTION = """\
Translates images of any size with a generator that was trained on pairs. Give it what the generator is given: the
edges or the label maps, say. Of a generator that takes several images, give a folder that holds the folders A1, A2, …
(B1, B2, … if it was trained from B to A), whose files have the same names but for the extension.
"""

_EPILOG = """\
What is written keeps the name, and has as many bits as what was given. The extension is .png; or .tif (compressed
losslessly) for 16 bits or floating point where PNG has no such image: 16 bits of other than 1 channel, 8 bits of other
than 1 or 3, and all floating point, which is in the range that the run's data.float_min and data.float_max say.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: of the command; None for the process's own.

    Returns:
        The exit status: 0; 1 if anything could not be translated; 130 where interrupted. A mistake in the arguments
        exits with 2.
    """
    with pipes.closable():
        return images.run(_parser().parse_args(arguments), _WORDS, _find, _prepare)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pix2pix-translate", description=_DESCRIPTION, epilog=_EPILOG)
    images.add_arguments(parser, "IMAGE_OR_FOLDER", "translated", _WORDS)
    parser.add_argument(
        "--checkpoint",
        metavar="RUN_OR_FILE",
        required=True,
        help="the generator: a run's folder, or a .safetensors file",
    )
    parser.add_argument(
        "--tile",
        type=positive_int,
        metavar="N",
        help="make images larger than N pixels of squares of about that side, which overlap and fade into each other:"
        " for what does not fit into the memory; with test time 'batch', the statistics are then those of each square",
    )
    parser.add_argument("--side-by-side", action="store_true", help="put input and output into one image of 8 bits")
    add_step(parser)
    add_test_time(parser)
    return parser


def _find(given: Sequence[Path], out: Path) -> Iterator[images.Item]:
    from pix2pix_jax.data.pairs.files import NUMPY
    from pix2pix_jax.data.pairs.layout import Part, list_pairs

    for path in given:
        if not path.is_dir():
            yield images.Item((path,), Path(path.name))
        elif parts := _parts(path):
            found = list_pairs(Part(path, parts))
            for stem, files in zip(found.stems, found.files, strict=True):
                yield images.Item(tuple(path / file for file in files), Path(f"{stem}{Path(files[0]).suffix}"))
        else:
            yield from images.find_in_folder(path, out, also=(NUMPY,))


def _parts(folder: Path) -> dict[str, Path]:
    """The folders within a folder that hold the several images of each input, by their names; none if there are not."""
    found = {
        child.name.upper(): child
        for child in sorted(folder.iterdir())
        if child.is_dir() and re.fullmatch(r"[AB]\d+", child.name, re.IGNORECASE)
    }
    if len({name[0] for name in found}) > 1:
        raise UserError(
            f"{folder} holds {', '.join(found)}: give a folder with those alone that the generator is given, or"
            " judge all pairs with pix2pix-evaluate"
        )
    return dict(sorted(found.items(), key=lambda part: int(part[0][1:])))


def _prepare(options: argparse.Namespace) -> images.Work:
    from pix2pix_jax.figures.drawing import displayed
    from pix2pix_jax.inference import photo_files
    from pix2pix_jax.inference.inputs import condition_of_files, translation_task
    from pix2pix_jax.inference.trained import load_trained
    from pix2pix_jax.inference.translating import translate_array, translated_name, write_translated

    generator = at_test_time(load_trained(options.checkpoint, options.step), options.test_time)
    translation_task(generator.config)

    def translate(item: images.Item, targets: images.Targets) -> None:
        condition = condition_of_files(item.files, generator.config)
        name = translated_name(item.name, condition, generator.config)
        target = targets.place(item, with_extension(item.name, ".png") if options.side_by_side else name)
        made = translate_array(condition, generator, options.seed, options.tile)
        if options.side_by_side:
            both = photo_files.side_by_side(displayed(condition), displayed(made))
            photo_files.write_photo(both, target, {}, options.overwrite)
        else:
            write_translated(made, target, generator.config, options.overwrite)

    return translate


if __name__ == "__main__":
    sys.exit(main())
