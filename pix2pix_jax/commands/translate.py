"""Translates images: `pix2pix-translate IMAGE_OR_FOLDER… --checkpoint RUN_OR_FILE [--out OUT]`."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pix2pix_jax.commands import cli, images
from pix2pix_jax.commands.arguments import add_flags, load_generator, make_parser, positive_int
from pix2pix_jax.commands.names import Item, Targets
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import with_extension

_WORDS = images.Words("translated", "images", lambda name: with_extension(name, ".png"))

_DESCRIPTION = """\
Translates images of any size with a generator that was trained on pairs. Give it what the generator is given: the
edges or the label maps, say. Of a generator that takes several images, give a folder that holds the folders A1, A2, …
(B1, B2, … if it was trained from B to A), whose files have the same names but for the extension. Of a folder that holds
both sides of pairs, A and B, that side is translated which the generator is given; so is that half of an image that
holds A|B, if the generator was trained on such images.
"""

_EPILOG = """\
What is written keeps the name, and has as many bits as what was given. The extension is .png; or .tif (compressed
losslessly) for 16 bits or floating point where PNG has no such image: 16 bits of other than 1 channel, 8 bits of other
than 1, 3 or 4, and all floating point, which is in the range that the run's data.float_min and data.float_max say.
"""


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Runs the command; gives its exit status, which is 1 if anything could not be translated."""
    return cli.run_command(lambda: _translate(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("pix2pix-translate", description=_DESCRIPTION, epilog=_EPILOG)
    images.add_arguments(parser, "IMAGE_OR_FOLDER", "translated", _WORDS)
    parser.add_argument(
        "--checkpoint",
        metavar="RUN_OR_FILE",
        required=True,
        help="the generator: a run's folder, or a .safetensors or .pth file",
    )
    parser.add_argument(
        "--tile",
        type=positive_int,
        metavar="N",
        help="make images larger than N pixels of squares of about that side, which overlap and fade into each other:"
        " for what does not fit into the memory; with test time 'batch', the statistics are then those of each square",
    )
    parser.add_argument("--side-by-side", action="store_true", help="put input and output into one image of 8 bits")
    add_flags(parser, "--step", "--test-time", "--seed")
    return parser


def _find_in_folder(folder: Path, out: Path, direction: str) -> list[Item]:
    """The images of a folder; of pairs the side that the generator is given, by its config's `data.direction`."""
    from pix2pix_jax.data.pairs.layout import find_parts, list_pairs
    from pix2pix_jax.photos import NUMPY

    if not _holds_pairs(folder):
        inner = (child for child in sorted(folder.iterdir()) if child.is_dir())
        if found := next(filter(_holds_pairs, inner), None):
            raise UserError(f"{folder} holds pairs in {found.name}: give {found}, of which one side is translated")
        return images.find_in_folder(folder, out, also=(NUMPY,))
    parts = find_parts(str(folder), "IMAGE_OR_FOLDER")
    if "" not in parts:
        holds = f"pairs for {', '.join(parts)}" if parts else "no images"
        raise UserError(f"{folder} holds {holds}: give the folder whose images are to be translated")
    slots, pairs = list_pairs(parts[""], direction[0])
    images.note(folder, f"translating {', '.join(slots)} (data.direction={direction})")
    return [
        Item(tuple(str(folder / file) for file in files), f"{stem}{Path(files[0]).suffix}")
        for stem, files in pairs.items()
    ]


def _holds_pairs(folder: Path) -> bool:
    """Whether a folder holds folders of both sides of pairs, or of several inputs; one A alone may be any folder."""
    from pix2pix_jax.data.pairs.layout import meaning

    slots = {meaning(child.name)[1] for child in folder.iterdir() if child.is_dir()}
    return {"A", "B"} <= {slot[:1] for slot in slots} or any(slot[1:] for slot in slots)


def _translate(options: argparse.Namespace) -> int:
    from PIL import Image

    from pix2pix_jax.figures.drawing import displayed
    from pix2pix_jax.inference.generate import translation_task
    from pix2pix_jax.inference.inputs import condition_of
    from pix2pix_jax.inference.painting import side_by_side
    from pix2pix_jax.inference.photo_files import write_photo
    from pix2pix_jax.inference.translating import translate_array, translated_name, write_translated

    images.set_limits(options)
    generator = load_generator(options)
    translation_task(generator.config.task)
    items = images.find(options, partial(_find_in_folder, direction=generator.config.data.direction))

    def translate(item: Item, targets: Targets) -> images.Made:
        condition = condition_of([*map(Path, item.files)], generator.config, partial(images.note, item.files[0]))
        name = translated_name(Path(item.name), condition, generator.config)
        target = targets.place(item, with_extension(Path(item.name), ".png") if options.side_by_side else name)
        made = translate_array(condition, generator, options.seed, options.tile)
        if options.side_by_side:
            both = side_by_side(*(Image.fromarray(displayed(image)) for image in (condition, made)))
            write_photo(both, target, {}, options.overwrite)
        else:
            write_translated(made, target, generator.config, options.overwrite)
        return target, (made.shape[1], made.shape[0])

    return images.make_all(options, items, _WORDS, translate)
