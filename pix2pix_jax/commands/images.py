"""What commands share that make an image of every file they are given: which files, where to, what if one is bad.

What takes long to import is imported when there is something to do, so that a mistake in the command is told at once.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from pix2pix_jax.commands.arguments import FLAGS, add_flags
from pix2pix_jax.commands.names import AlreadyMadeError, Item, Targets
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import make_folder
from pix2pix_jax.photos import readable_formats

_NAMED = 10  # of files that are not read; the others are counted


class Words(NamedTuple):
    """How a command speaks of what it does.

    Attributes:
        done: what it has done to an image, such as "coloured".
        things: what it is given, such as "photographs".
        rename: what the name of an image becomes by itself.
    """

    done: str
    things: str
    rename: Callable[[Path], Path]


def add_arguments(parser: argparse.ArgumentParser, metavar: str, out: str, words: Words) -> None:
    """Adds the arguments that all these commands have."""
    parser.add_argument(
        "images", nargs="+", type=Path, metavar=metavar, help="image files, and folders searched recursively"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path(out),
        help=f"folder for the {words.done} {words.things}, which keep their names (default: %(default)s)",
    )
    there = parser.add_mutually_exclusive_group()
    there.add_argument("--overwrite", **FLAGS["--overwrite"])
    there.add_argument("--skip-existing", action="store_true", help="go on with what is not there yet")
    parser.add_argument(
        "--replace-originals",
        action="store_true",
        help=f"with --overwrite, and the {words.things} in OUT: replace them by what is made of them",
    )
    add_flags(parser, "--max-megapixels")


def set_limits(options: argparse.Namespace) -> None:
    """Lets Pillow read images that are not larger than `--max-megapixels` says, and log nothing of odd ones."""
    # Notes and errors say what is odd. Pillow's limit counts half of what it allows.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    Image.MAX_IMAGE_PIXELS = round(options.max_megapixels * 500_000)
    # The page's framework opens images too: nothing that could start a program, such as Ghostscript, is left to it.
    for name in set(Image.OPEN).difference(readable_formats()):
        Image.OPEN.pop(name)
        Image.ID.remove(name)


def find_in_folder(folder: Path, out: Path, also: tuple[str, ...] = ()) -> list[Item]:
    """Each image file in a folder, as one item.

    Args:
        folder: the folder, searched with all folders within it.
        out: a folder that is left out, unless it is the same.
        also: extensions that count as images' too.

    Raises:
        UserError: if there is none.
    """
    from pix2pix_jax.data.sources.scan import walk_images

    unread: dict[str, str] = {}
    # What an earlier run left in a folder within is no new image.
    names = sorted(walk_images(folder, out, also=also, unread=unread))
    for name in sorted(unread)[:_NAMED]:
        note(folder / name, unread[name])
    if unread:
        note(folder, f"{len(unread)} of {len(names) + len(unread)} image files are not read")
    if not names:
        raise UserError(f"{folder} holds no images" + (" that are read" if unread else ""))
    return [Item((folder / name,), Path(name)) for name in names]


def find(options: argparse.Namespace, in_folder: Callable[[Path, Path], Iterable[Item]] = find_in_folder) -> list[Item]:
    """Each image file that was given, and what `in_folder` finds in each folder that was given, once.

    Raises:
        UserError: if something that was given is not there, or a folder holds no image.
    """
    items: list[Item] = []
    for path in options.images:
        if not path.exists():
            raise UserError(f"there is no file or folder {path}")
        items += in_folder(path, options.out) if path.is_dir() else [Item((path,), Path(path.name))]
    return list(dict.fromkeys(items))


def make_all(
    options: argparse.Namespace, items: Sequence[Item], words: Words, make: Callable[[Item, Targets], None]
) -> int:
    """Makes an image of everything that was found, and says how many could be made.

    Args:
        options: those of `add_arguments`.
        items: what was found.
        words: how to speak of it.
        make: makes and writes one image; raises UserError if that cannot be, AlreadyMadeError if it need not be.

    Returns:
        The exit status: 0; 1 if any image could not be made.

    Raises:
        UserError: if nothing can be written at all.
    """
    if options.out.suffix.lower() in Image.registered_extensions() and not options.out.is_dir():
        raise UserError(
            f"--out {options.out} looks like a file: give a folder, in which {words.things} keep their names"
        )
    make_folder(options.out, "--out")
    targets = Targets(options, items, words.rename)
    failed = there = 0
    # None: no bar where nobody sees it.
    for item in tqdm(items, unit=words.things[:-1], disable=True if len(items) == 1 else None):
        try:
            make(item, targets)
        except AlreadyMadeError:
            there += 1
        except UserError as error:
            tqdm.write(f"error: {_on_one_line(error)}", file=sys.stderr)
            failed += 1
    if len(items) > failed:
        already = f", {there} there already" if there else ""
        print(f"{len(items) - failed - there} {words.done}{already}: {options.out}")
    if failed and len(items) > 1:
        print(f"error: {failed} of {len(items)} {words.things} could not be {words.done}", file=sys.stderr)
    return 1 if failed else 0


def note(file: Path, text: str) -> None:
    """Tells what the user should know of a file."""
    tqdm.write(f"note: {_on_one_line(f'{file}: {text}')}", file=sys.stderr)


def _on_one_line(text: object) -> str:
    """Text whose names of files may have line breaks in them."""
    return str(text).replace("\n", "\\n").replace("\r", "\\r")
