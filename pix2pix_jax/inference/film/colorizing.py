"""A film in, the same film in colour out: `colorize_film`."""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from math import inf
from pathlib import Path

import av
import numpy as np
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import make_folder
from pix2pix_jax.inference.film.planes import film_frame
from pix2pix_jax.inference.film.reading import read_frames, read_picture
from pix2pix_jax.inference.film.scenes import Colorist, Run
from pix2pix_jax.inference.film.writing import Done, Encoder, add_part, packets_of, read_done, write_film
from pix2pix_jax.inference.film_names import CONTAINERS, film_name
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.photo_files import already_there, writing_photo
from pix2pix_jax.inference.points import Point, check_points
from pix2pix_jax.inference.trained import given_generator

_logger = logging.getLogger(__name__)
_PART = 128  # frames, after which what is done is kept


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
        like: a photograph in colour, whose colours a scene takes where it shows something alike.
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
    path, out = Path(path), Path(out)
    if (name := film_name(out, codec)) != out:
        raise UserError(f"{out} cannot hold a film of {codec}: call it {name.name}")
    picture = read_picture(path)
    if out.exists() and out.samefile(path):
        raise UserError(f"{out} is the film itself: give another file")
    if out.exists() and not overwrite:
        raise already_there(out)
    check_points(points, *picture.upright, film=True)
    encoder = Encoder(codec, crf, picture, CONTAINERS[out.suffix.lower()])
    colorist = Colorist(given_generator(generator), picture, tuple(points), like, seed)
    folder = out.with_name(f"{out.name}.parts-{_key(path, colorist, encoder)}")
    make_folder(folder, "--out")

    def write(target: Path, tell: Callable[[str], object], until: float = inf) -> None:
        with writing_photo(target, overwrite or until < inf) as temporary:
            write_film(temporary, encoder, packets_of(folder, picture.time_base), path, tell, until)

    done = read_done(folder, picture)
    frames = read_frames(path, picture, note, done.pts, damaged)
    runs = colorist.color(frames, done.points, picture.seconds(done.pts))
    try:
        for first in runs:
            done = _add_part(folder, chain([first], runs), done, encoder, progress)
    except UserError:
        raise
    except BaseException:
        if (done := read_done(folder, picture)).frames:
            so_far = folder / f"so_far{out.suffix}"
            write(so_far, lambda _: None, done.pts * float(picture.time_base))
            note(f"what is done so far is {so_far}; the same command goes on from there")
        raise
    write(out, note)
    shutil.rmtree(folder)
    return out


def _add_part(
    folder: Path, runs: Iterator[Run], done: Done, encoder: Encoder, progress: Callable[[int, int], object]
) -> Done:
    """Makes the next part of some runs, which ends with the run that completes it; gives what is done with it."""
    picture, until, packets = encoder.picture, done.frames + _PART, []
    with av.open(os.devnull, "w", format=encoder.container) as nowhere:
        stream = encoder.add_stream(nowhere)
        for frames, points in runs:
            for frame in frames:
                packets += stream.encode(film_frame(frame, picture))
                done = Done(done.frames + 1, frame.pts, points)
                progress(done.frames, round(picture.length * picture.framerate))
            if done.frames >= until:
                break
        packets += stream.encode(None)
    add_part(folder, packets, done)
    return done


def _key(path: Path, colorist: Colorist, encoder: Encoder) -> str:
    """Says of which film parts are, and how they are made."""
    film, generator, like = path.stat(), colorist.generator, colorist.like
    versions = [version(each) for each in ("av", "opencv-python-headless", "jax", "pix2pix-jax")]
    ways = [encoder, colorist.points, colorist.seed, colorist.every, generator.config, versions]
    digest = hashlib.sha256(repr([path.resolve(), film.st_size, film.st_mtime_ns, *ways]).encode())
    for name, weights in sorted(generator.weights_by_name.items()):
        digest.update(name.encode() + np.asarray(weights).tobytes())
    digest.update(like.tobytes() if like else b"")
    return digest.hexdigest()[:8]
