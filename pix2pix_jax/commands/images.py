"""What commands share that make an image of every file they are given: which files, where to, what if one is bad.

What takes long to import is imported when there is something to do, so that a mistake in the command is told at once.
"""

import argparse
import codecs
import json
import logging
import math
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from pix2pix_jax import host
from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import FLAGS, add_flags, positive_int, shard
from pix2pix_jax.commands.names import AlreadyMadeError, Item, Targets, is_results
from pix2pix_jax.errors import UsageError, UserError
from pix2pix_jax.files import make_folder, writing
from pix2pix_jax.photos import readable_formats

_NAMED = 10  # of files that are not read; the others are counted
_AT_ONCE = 32  # images for each thread: more would cost memory, and with fewer some wait
_MANY = 10  # images, whose speed says something: of fewer, most of the time goes into compiling

Made = tuple[Path, tuple[int, int]]
"""A result: its file; width and height, px, of the image it was generated from."""

_Outcome = tuple[Item, float, Made | UserError]  # in between: the seconds that it took


class Words(NamedTuple):
    """How a command speaks of what it does.

    Attributes:
        done: what it has done to an image, such as "coloured".
        things: what it is given, such as "photographs".
        rename: from the name of an image to that of its result, unless the content asks for another format.
        jobs: how many images are generated at a time.
    """

    done: str
    things: str
    rename: Callable[[Path], Path]
    jobs: int = 1


def add_arguments(parser: argparse.ArgumentParser, metavar: str, out: str, words: Words) -> None:
    """Adds the arguments that all these commands have."""
    parser.add_argument(
        "images", nargs="*", type=Path, metavar=metavar, help="image files, and folders searched recursively"
    )
    parser.add_argument(
        "--from", dest="listed", metavar="LIST", help="a file with such a path on each line; - for stdin"
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
        help=f"with --overwrite, and the {words.things} in OUT: replace them by their results",
    )
    parser.add_argument("--jobs", type=positive_int, default=words.jobs, metavar="N", help=f"{words.things} at a time")
    parser.add_argument(
        "--shard", type=shard, metavar="I/N", help="only the I-th of N parts, as their names share them"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.jsonl", help="add a line of JSON on what became of each")
    add_flags(parser, "--max-megapixels")


def set_limits(options: argparse.Namespace) -> None:
    """Lets Pillow read images that are not larger than `--max-megapixels` says, log nothing, and waste no memory."""
    host.share_heap()
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
    from pix2pix_jax.data.sources.scan import find_images

    names, unread = find_images(folder, out, also)
    # What an earlier run left in a folder within is no new image.
    parents = map(Path, {os.path.dirname(name) for name in names})
    places = {place for parent in parents for place in (parent, *parent.parents)} - {Path()}
    for place in sorted(place for place in places if is_results(folder / place)):
        note(folder / place, "left out, for it holds results; give it by itself to use them")
        names = [name for name in names if not name.startswith(f"{place.as_posix()}/")]
    for name in sorted(unread)[:_NAMED]:
        note(folder / name, unread[name])
    if unread:
        note(folder, f"{len(unread)} of {len(names) + len(unread)} image files are not read")
    if not names:
        raise UserError(f"{folder} holds no images" + (" that are read" if unread else ""))
    return [Item((str(folder / name),), name) for name in names]


def find(options: argparse.Namespace, in_folder: Callable[[Path, Path], Iterable[Item]] = find_in_folder) -> list[Item]:
    """Each image file that was given or listed, and what `in_folder` finds in each such folder, once.

    Raises:
        UserError: if something that was given is not there, a folder holds no image, the list cannot be read, or OUT
            is among the images.
    """
    if not options.images and options.listed is None:
        raise UsageError("nothing is given: give files or folders, or --from LIST")
    if missing := [path for path in options.images if not path.exists()]:
        raise UserError(f"there is no file or folder {missing[0]}")
    items: list[Item] = []
    folders: list[Path] = []
    for path in [*options.images, *(_listed(options.listed) if options.listed else ())]:
        folders += [path] if path.is_dir() else []
        items += in_folder(path, options.out) if path.is_dir() else [Item((str(path),), path.name)]
    if not (options.overwrite and options.replace_originals):
        _refuse_among_originals(options.out, items, folders)
    return list(dict.fromkeys(items))


def _listed(file: str) -> list[Path]:
    """The paths on the lines of a file, or of standard input for "-"."""
    try:
        listed = Path("/dev/stdin" if file == "-" else file).read_bytes()
    except OSError as error:
        raise UserError(f"--from {file} cannot be read ({error.strerror})") from error
    if b"\0" in listed:  # as in UTF-16
        raise UserError(f"--from {file} is no text of paths, one on each line: save it as UTF-8")
    return [Path(os.fsdecode(line)) for line in listed.removeprefix(codecs.BOM_UTF8).splitlines() if line]


def make_all(
    options: argparse.Namespace, items: Sequence[Item], words: Words, make: Callable[[Item, Targets], Made]
) -> int:
    """Generates an image from everything that was found, and says from how many that worked.

    Args:
        options: those of `add_arguments`.
        items: what was found.
        words: how to speak of it.
        make: makes and writes one image; raises UserError if that cannot be, AlreadyMadeError if it need not be. It is
            called by several threads.

    Returns:
        The exit status: 0; 1 if any image could not be generated.

    Raises:
        UserError: if nothing can be written at all.
    """
    if options.out.suffix.lower() in Image.registered_extensions() and not options.out.is_dir():
        raise UserError(
            f"--out {options.out} looks like a file: give a folder, in which {words.things} keep their names"
        )
    make_folder(options.out, "--out")
    targets = Targets(options, items, words.rename)
    if options.shard:  # a part follows from the name alone, whatever others there are
        part, count = options.shard
        items = [item for item in items if zlib.crc32(os.fsencode(item.name)) % count == part - 1]

    def attempt(item: Item) -> _Outcome:
        began = time.perf_counter()
        try:
            outcome = make(item, targets)
        except UserError as error:
            outcome = error
        except OSError as error:
            outcome = UserError(str(error))
        return item, time.perf_counter() - began, outcome

    counts: Counter[str] = Counter()
    first: AlreadyMadeError | None = None  # of maybe a million, which would take much memory
    begin = time.perf_counter()
    # None: no bar where nobody sees it.
    bar = tqdm(total=len(items), unit=words.things[:-1], disable=True if len(items) == 1 else None)
    with bar, closing(_each(attempt, items, options.jobs)) as results:
        for item, seconds, made in results:
            bar.update()
            if isinstance(made, AlreadyMadeError):
                counts["kept" if options.skip_existing else "there"] += 1
                first = first or made
            elif isinstance(made, UserError):
                counts["failed"] += 1
                tqdm.write(f"error: {cli.one_line(made)}", file=sys.stderr)
            else:
                counts["done"] += 1
                counts["pixels"] += math.prod(made[1])
            if options.report and not (isinstance(made, AlreadyMadeError) and options.skip_existing):
                _add_line(options.report, item, seconds, made)
    _sum_up(counts, len(items), first, time.perf_counter() - begin, words, options.out)
    return 1 if counts["failed"] or counts["there"] else 0


def _sum_up(
    counts: Counter[str], total: int, first: AlreadyMadeError | None, seconds: float, words: Words, out: Path
) -> None:
    """Says what became of all images, of which `first` was there already."""
    done, kept, there, failed = (counts[name] for name in ("done", "kept", "there", "failed"))
    if done or kept or not (failed or there):
        already = f", {kept} there already" if kept else ""
        megapixels = counts["pixels"] / 1e6
        rate = f", {done / seconds:.3g} {words.things} and {megapixels / seconds:.3g} megapixels a second"
        print(f"{done} {words.done}{already}{rate if done > _MANY else ''}: {out}")
    if there:
        others = f" (and {there - 1} more)" if there > 1 else ""
        remedy = "--skip-existing to keep what is there, --overwrite to replace it, or another folder with --out"
        print(f"error: {cli.one_line(first)}{others}: give {remedy}", file=sys.stderr)
    if failed and total > 1:
        print(f"error: {failed} of {total} {words.things} could not be {words.done}", file=sys.stderr)


def _refuse_among_originals(out: Path, items: Sequence[Item], folders: Sequence[Path]) -> None:
    """Raises UserError if results would lie where images are read, so that a later run would take them for such."""
    place = out.resolve()
    targets = {place / parent for parent in {os.path.dirname(item.name) for item in items}}
    sources = {Path(parent).resolve() for parent in {os.path.dirname(file) for item in items for file in item.files}}
    searched = {folder.resolve() for folder in folders}.difference(place.parents)  # in those, OUT is left out
    if targets & sources or any(target.is_relative_to(folder) for target in targets for folder in searched):
        raise UserError(
            f"--out {out} holds what is read, and results would be taken for originals: give another folder, or"
            " --overwrite with --replace-originals to replace them"
        )


def _each(function: Callable[[Item], _Outcome], items: Sequence[Item], threads: int) -> Generator[_Outcome, None, None]:
    """What a function makes of each item, in order: of the first alone, since that compiles for all.

    Where the generator is closed, what has begun is finished; a single thread is the caller's.
    """
    if threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        for start in (0, *range(1, len(items), _AT_ONCE * threads)):
            yield from pool.map(function, items[start : start + _AT_ONCE * threads if start else 1])


def _add_line(report: Path, item: Item, seconds: float, made: Made | UserError) -> None:
    """Adds a line to a report, at once and as one, so that several processes may share it."""
    output, size, error = (None, None, str(made)) if isinstance(made, UserError) else (str(made[0]), made[1], None)
    line = {"input": item.files[0], "output": output, "size": size, "seconds": round(seconds, 3), "error": error}
    with writing(report), report.open("ab", buffering=0) as file:
        file.write((json.dumps(line) + "\n").encode())


def note(file: Path | str, text: str) -> None:
    """Tells what the user should know of a file."""
    tqdm.write(f"note: {cli.one_line(f'{file}: {text}')}", file=sys.stderr)
