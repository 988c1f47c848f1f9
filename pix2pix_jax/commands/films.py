"""Films on the command line: their flags, and how far one is."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from pix2pix_jax.commands import images, stopping
from pix2pix_jax.commands.arguments import number
from pix2pix_jax.commands.names import Item, Targets
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.film_names import film_name
from pix2pix_jax.inference.points import Point

if TYPE_CHECKING:
    from pix2pix_jax.inference import TrainedGenerator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of films."""
    parser.add_argument("--codec", default="libx264", help="of films, FFmpeg's encoder (default: %(default)s)")
    parser.add_argument(
        "--crf", type=number(float, 0, 63), metavar="N", help="of films, the encoder's quality, less is better (20)"
    )


def colorize(
    options: argparse.Namespace,
    item: Item,
    targets: Targets,
    generator: "TrainedGenerator",
    points: Sequence[Point],
    **wishes: Any,
) -> images.Made:
    """Colours a film, and shows how far it is; raises UserError if that cannot be.

    A signal ends it between two frames, with SystemExit: an exception that is raised in FFmpeg's callbacks is lost.
    """
    from pix2pix_jax.inference.film import colorize_film

    film, target = Path(item.files[0]), targets.place(item, film_name(Path(item.name), options.codec))
    for flag in ("side_by_side", "all_pages", "keep_dates", "restore"):
        if getattr(options, flag):
            raise UserError(f"{film} is a film, and --{flag.replace('_', '-')} is for photographs")
    note = partial(images.note, film)
    if target.suffix != film.suffix:
        note(f"written as {target.name}, for {film.suffix} cannot hold it in colour")
    target.parent.mkdir(parents=True, exist_ok=True)
    wishes |= {name: getattr(options, name) for name in ("codec", "crf", "seed", "overwrite", "damaged")}
    with tqdm(unit="frame", desc=film.name, disable=None, leave=False) as bar, stopping.stop_request() as wanted:

        def progress(done: int, expected: int) -> None:
            if number := wanted():
                raise SystemExit(128 + number)
            bar.total = max(done, expected)
            bar.update(done - bar.n)

        colorize_film(film, target, generator, points=points, note=note, progress=progress, **wishes)
    from pix2pix_jax.inference.film.reading import read_picture  # needs what the line before has not missed

    return target, read_picture(target)[:2]
