"""A film in, the same film in colour out: `colorize_film`."""

import hashlib
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import make_folder
from pix2pix_jax.host import has_avx512
from pix2pix_jax.inference.film.names import CONTAINERS, film_name
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.photo_files import already_there, writing_photo
from pix2pix_jax.inference.points import Point, check_points
from pix2pix_jax.inference.trained import given_generator

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from pix2pix_jax.inference.film.scenes import Colorist, Run
    from pix2pix_jax.inference.film.writing import Encoder

_logger = logging.getLogger(__name__)
_PART = 128  # frames, after which what is done is kept
_AHEAD = 1  # runs of frames that are coloured before they are asked for
_Item = TypeVar("_Item")


def colorize_film(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    generator: TrainedGenerator | str | os.PathLike[str] | None = None,
    *,
    codec: str = "libx264",
    crf: float | None = None,
    points: Sequence[Point] = (),
    like: Image.Image | None = None,
    seed: int = 0,
    overwrite: bool = False,
    damaged: bool = False,
    note: Callable[[str], object] = _logger.warning,
    progress: Callable[[int, int], object] = lambda done, expected: None,
) -> Path:
    """Colours a film, which keeps its luma, size, times, rotation, sound, subtitles and chapters.

    What is done is kept in parts of 128 frames, in a folder beside `out`: after an interruption, `so_far` in there
    plays, and the same call goes on from there, with the same frames.

    Args:
        path: the film, in any container and codec that FFmpeg reads, neither interlaced nor HDR.
        out: the file to write: .mp4, .mov, .mkv, .webm, .ts or .flv.
        generator: one, or what `load_trained` reads it from; None for the one that comes with the package.
        codec: FFmpeg's name of an encoder.
        crf: its quality (constant rate factor); None for 20 of libx264, and for what others take by default.
        points: places whose colour is known in the upright film, from their `time` until the scene ends.
        like: a photograph in colour, whose colours a scene takes where it begins with something alike.
        seed: what dropout follows from, where the generator's config (`test_time`) keeps it.
        overwrite: whether to replace a file that is there.
        damaged: whether a film that cannot be decoded to its end is taken as far as that goes.
        note: is told what the user should know, a line each.
        progress: is told how many frames are done, and how many there may be.

    Returns:
        `out`.

    Raises:
        UserError: if the film cannot be read or written, a point is outside of it, or PyAV or OpenCV is missing.
    """
    if find_spec("av") is None or find_spec("cv2") is None:
        raise UserError("films need PyAV and OpenCV, which are not installed: pip install 'pix2pix-jax[video]'")
    from pix2pix_jax.inference.film.parts import packets_of, reached
    from pix2pix_jax.inference.film.reading import read_picture
    from pix2pix_jax.inference.film.scenes import Colorist
    from pix2pix_jax.inference.film.writing import Encoder, write_film

    path, out = Path(path), Path(out)
    if (name := film_name(out, codec)) != out:
        raise UserError(f"{out} cannot hold a film of {codec}: call it {name.name}")
    if out.exists() and out.samefile(path):
        raise UserError(f"{out} is the film itself: give another file")
    if out.exists() and not overwrite:
        raise already_there(out)
    picture = read_picture(path, codec)
    check_points(points, *(picture.width, picture.height)[:: -1 if picture.turns % 2 else 1], film=True)
    options = {} if crf is None else {"crf": f"{crf:g}"}
    if codec == "libx264":
        options = {"crf": "20", **options}
        if has_avx512():  # with which it makes other packets of the same frames, now and then
            options["x264-params"] = "asm=AVX2"
    encoder = Encoder(codec, options, picture, CONTAINERS[out.suffix.lower()])
    colorist = Colorist(given_generator(generator), picture, tuple(points), like, seed)
    folder = out.with_name(f"{out.name}.parts-{_key(path, colorist, encoder)}")
    make_folder(folder, "--out")

    def write(target: Path, until: float, tell: Callable[[str], object]) -> None:
        write_film(target, encoder, packets_of(folder, picture.time_base), path, tell, until)

    def show(tell: Callable[[str], object]) -> None:
        so_far, state = folder / f"so_far{out.suffix}", reached(folder)[1]
        if state is not None:
            with writing_photo(so_far, overwrite=True) as temporary:
                write(temporary, state.pts * float(picture.time_base), lambda _: None)
            tell(f"what is done so far is {so_far}; the same command goes on from there")

    try:
        for count in _colored_parts(path, folder, colorist, encoder, damaged, note, progress):
            if count == 1:  # a container that does not take what is made says so now, not after hours
                show(lambda _: None)
    except BaseException as error:
        if not isinstance(error, UserError):
            show(note)
        raise
    with writing_photo(out, overwrite) as temporary:
        write(temporary, float("inf"), note)
    shutil.rmtree(folder)
    return out


def _colored_parts(
    path: Path,
    folder: Path,
    colorist: "Colorist",
    encoder: "Encoder",
    damaged: bool,
    note: Callable[[str], object],
    progress: Callable[[int, int], object],
) -> Iterator[int]:
    """Makes the parts that are missing; yields after each how many there are."""
    from pix2pix_jax.inference.film.parts import add_part, files_of, reached
    from pix2pix_jax.inference.film.planes import film_frame
    from pix2pix_jax.inference.film.reading import read_frames

    picture, (done, state) = encoder.picture, reached(folder)
    frames = read_frames(path, picture, note, None if state is None else state.pts, damaged)

    def made(runs: "Iterable[Run]", ends_at: int) -> "Iterator[VideoFrame]":
        nonlocal done, state
        for colored, state in runs:  # noqa: B007 - it is that of the part
            yield from (film_frame(each, picture) for each in colored)
            done += len(colored)
            progress(done, round(picture.seconds * picture.rate))
            if done >= ends_at:
                return

    with closing(_ahead(colorist.color(frames, state), _AHEAD)) as runs:
        for first in runs:
            before = done
            packets = list(encoder.packets(made(chain([first], runs), before + _PART)))
            assert state is not None
            add_part(folder, packets, done - before, state)
            yield len(files_of(folder))


def _ahead(items: Iterable[_Item], count: int) -> Generator[_Item, None, None]:
    """The same items, some of which a thread makes before they are asked for."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, end) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, iterator, end))
                yield cast(_Item, item)
        finally:
            pool.shutdown(cancel_futures=True)


def _key(path: Path, colorist: "Colorist", encoder: "Encoder") -> str:
    """Says of which film parts are, and how they are made."""
    film, generator = path.stat(), colorist.generator
    versions = [version(each) for each in ("av", "opencv-python-headless", "jax", "pix2pix-jax")]
    ways = [encoder, colorist.points, colorist.seed, colorist.every, colorist.memory, generator.config, versions]
    digest = hashlib.sha256(repr([path.resolve(), film.st_size, film.st_mtime_ns, *ways]).encode())
    for name, weights in sorted(generator.weights_by_name.items()):
        digest.update(name.encode() + np.asarray(weights).tobytes())
    digest.update(b"" if colorist.like is None else colorist.like.tobytes())
    return digest.hexdigest()[:8]
