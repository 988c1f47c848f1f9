"""Colours photographs: `pix2pix-colorize PHOTO_OR_FOLDER… [--out OUT]`."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pix2pix_jax.commands import cli, films, images, stopping
from pix2pix_jax.commands.arguments import add_flags, load_generator, make_parser, positive_float
from pix2pix_jax.commands.names import Item, Targets
from pix2pix_jax.errors import UserError, did_you_mean
from pix2pix_jax.inference.film_names import film_name, is_film
from pix2pix_jax.inference.points import Point, parse_point, read_points
from pix2pix_jax.photos import load, name_to_write


def _rename(name: Path) -> Path:
    return film_name(name) if is_film(name) else name_to_write(name, alpha=False)


_WORDS = images.Words("coloured", "photographs", _rename, jobs=2)


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Runs the command; gives its exit status, which is 1 if anything could not be coloured."""
    return cli.run_command(lambda: _colorize(_parser().parse_args(arguments)), stopping.has_something_to_save)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "pix2pix-colorize",
        description="Colours photographs and films, grey or not (colour is reduced to grey first), at their full size.",
    )
    images.add_arguments(parser, "PHOTO_OR_FOLDER", "colorized", _WORDS)
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
    parser.add_argument("--all-pages", action="store_true", help="colour all pages of a TIFF file, not only the first")
    parser.add_argument(
        "--keep-dates", action="store_true", help="give what is written the photograph's dates of change and access"
    )
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        metavar="X,Y,COLOR",
        help="a colour that is known, such as 1200,340,#7b2d26 or 0.5,0.2,royalblue: pixels of the upright photograph,"
        " or shares of it where there is a decimal point; a fourth value is the radius. Any number of times",
    )
    parser.add_argument(
        "--points", type=Path, metavar="FILE.json", help="points of many photographs and films, see docs/colouring.md"
    )
    parser.add_argument(
        "--like", type=Path, metavar="PHOTO", help="take the colours of this photograph where it shows something alike"
    )
    parser.add_argument(
        "--restore",
        action="store_true",
        help="of faded prints and hazy scans, bring black and white back before they are coloured; brightness, which is"
        " kept otherwise, changes with it",
    )
    films.add_arguments(parser)
    add_flags(parser, "--checkpoint", "--step", "--test-time", "--seed")
    return parser


def _colorize(options: argparse.Namespace) -> int:
    images.set_limits(options)
    items = images.find(options)
    points = _points(options, items)
    from pix2pix_jax.inference.colorizing import colorize_file
    from pix2pix_jax.inference.photo_files import reading

    like = None
    if options.like is not None:
        with reading(options.like) as opened:
            like = load(opened)[0].convert("RGB")
    generator = load_generator(options)
    if (points or like) and not generator.takes_points:
        raise UserError(f"{options.checkpoint} takes no points of colour: it was trained without task.points")
    if options.saturation is not None:
        generator = generator.with_saturation(options.saturation)
    names = "seed", "overwrite", "damaged", "all_pages", "keep_dates", "restore"
    wishes = {name: getattr(options, name) for name in names}
    if any(is_film(Path(item.name)) for item in items):
        options.jobs = 1  # on this thread, which Ctrl-C reaches

    def colorize(item: Item, targets: Targets) -> images.Made:
        photo = Path(item.files[0])
        if is_film(photo):
            return films.colorize(options, item, targets, generator, points.get(item, ()), like=like)
        place, note = partial(targets.place, item), partial(images.note, photo)
        file, gray, _ = colorize_file(
            photo,
            Path(item.name),
            generator,
            place,
            note,
            both=options.side_by_side,
            points=points.get(item, ()),
            like=like,
            **wishes,
        )
        return file, gray.luma.shape[::-1]

    return images.make_all(options, items, _WORDS, colorize)


def _points(options: argparse.Namespace, items: Sequence[Item]) -> dict[Item, list[Point]]:
    """The points of `--point` and `--points` by photograph.

    Raises:
        UserError: if they are of no photograph that is coloured, or cannot be read.
    """
    if not options.point and options.points is None:
        return {}
    if options.all_pages:
        raise UserError("--all-pages works only without points of colour: they are those of one page")
    if options.point:
        if len(items) > 1:
            raise UserError(f"--point is for one photograph, and {len(items)} are given: use --points")
        return {items[0]: [parse_point(text) for text in options.point]}
    by_name, found = read_points(options.points), {item.name: item for item in items}
    for name in sorted(by_name.keys() - found.keys()):
        raise UserError(
            f"{options.points} has points for {name}, which is not among the photographs{did_you_mean(name, found)}"
        )
    return {found[name]: points for name, points in by_name.items() if points}
