"""What commands share that make an image of every file they are given: which files, where to, what if one is bad.

What takes long to import is imported when there is something to do, so that a mistake in the command is told at once.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from pix2pix_jax.commands.arguments import positive_float
from pix2pix_jax.commands.cli import check_devices, use_compilation_cache
from pix2pix_jax.commands.names import AlreadyMadeError, Item, Targets
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import make_folder
from pix2pix_jax.photos import readable_formats

_NAMED = 10  # of files that are not read; the others are counted


@dataclass(frozen=True)
class Words:
    """How a command speaks of what it does.

    Attributes:
        done: what it has done to an image, such as "coloured".
        things: what it is given, such as "photographs".
        rename: what the name of an image becomes by itself.
    """

    done: str
    things: str
    rename: Callable[[Path], Path]


Work = Callable[[Item, Targets], None]
"""Makes and writes one image; raises UserError if that cannot be, AlreadyMadeError if it need not be."""


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
    there.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    there.add_argument("--skip-existing", action="store_true", help="go on with what is not there yet")
    parser.add_argument(
        "--replace-originals",
        action="store_true",
        help=f"with --overwrite, and the {words.things} in OUT: replace them by what is made of them",
    )
    add_limits(parser)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that says how large an image may be."""
    parser.add_argument(
        "--max-megapixels",
        type=positive_float,
        default=2e-6 * (Image.MAX_IMAGE_PIXELS or 0),
        metavar="N",
        help="refuse larger images, which may be traps that fill the memory (default: Pillow's %(default).0f)",
    )


def set_limits(options: argparse.Namespace) -> None:
    """Lets Pillow read images that are not larger than `add_limits`' argument says, and log nothing of odd ones."""
    # Notes and errors say what is odd. Pillow's limit counts half of what it allows.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    Image.MAX_IMAGE_PIXELS = round(options.max_megapixels * 500_000)
    # The page's framework opens images too: nothing that could start a program, such as Ghostscript, is left to it.
    for name in set(Image.OPEN).difference(readable_formats()):
        Image.OPEN.pop(name)
        Image.ID.remove(name)


def run(
    options: argparse.Namespace,
    words: Words,
    find: Callable[[Sequence[Path], Path], Iterable[Item]],
    prepare: Callable[[argparse.Namespace], Work],
) -> int:
    """Makes an image of everything that was given.

    Args:
        options: the command's, with those of `add_arguments`.
        words: how to speak of it.
        find: takes what was given, and OUT; gives what images are to be made of.
        prepare: reads the generator.

    Returns:
        The exit status: 0; 1 if any image could not be made.

    Raises:
        UserError: if nothing can be made at all.
    """
    set_limits(options)
    for path in options.images:
        if not path.exists():
            raise UserError(f"there is no file or folder {path}")
    items = list(dict.fromkeys(find(options.images, options.out)))

    use_compilation_cache()
    check_devices()
    work = prepare(options)
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
            work(item, targets)
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


def find_files(given: Sequence[Path], out: Path) -> Iterator[Item]:
    """Each image file that was given, or is in a folder that was given, as one item."""
    for path in given:
        if path.is_dir():
            yield from find_in_folder(path, out)
        else:
            yield Item((path,), Path(path.name))


def find_in_folder(folder: Path, out: Path, also: tuple[str, ...] = ()) -> Iterator[Item]:
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
    _note_unread(folder, unread, len(names) + len(unread))
    if not names:
        raise UserError(f"{folder} holds no images" + (" that are read" if unread else ""))
    yield from (Item((folder / name,), Path(name)) for name in names)


def _note_unread(folder: Path, unread: dict[str, str], total: int) -> None:
    """Names the first images of a folder that are not read, and counts them."""
    for name in sorted(unread)[:_NAMED]:
        note(folder / name, unread[name])
    if unread:
        note(folder, f"{len(unread)} of {total} image files are not read")
