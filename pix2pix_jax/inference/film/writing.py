"""Writes films: frames become packets, these are kept in parts, and become a film with another's sound and all else."""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, writing
from pix2pix_jax.host import has_avx512
from pix2pix_jax.inference.film.reading import Picture, opened
from pix2pix_jax.inference.points import Point

# A third less time than by default, and 250 MB less at 1080p; luma is kept to 45 dB and not 46.
_LIBX264 = {"crf": "20", "preset": "faster", "rc-lookahead": "12"}


class Encoder(NamedTuple):
    """One of FFmpeg's encoders, for one picture and one kind of container."""

    codec: str
    crf: float | None  # None: 20 of libx264, and what others take by default
    picture: Picture
    container: str

    def add_stream(self, out: OutputContainer) -> VideoStream:
        """Adds a stream for the packets to a film that is written; raises UserError if such a one cannot be made."""
        options = dict(_LIBX264) if self.codec == "libx264" else {}
        options |= {} if self.crf is None else {"crf": f"{self.crf:g}"}
        if self.codec == "libx264" and has_avx512():
            options["x264-params"] = (
                "asm=AVX2"  # with AVX-512 it does not always make the same packets of the same frames
            )
        try:
            stream = out.add_stream(self.codec, options=options)
            assert isinstance(stream, VideoStream)
            context = stream.codec_context
            if options and "crf" not in {option.name for option in context.supported_options.private}:
                raise ValueError("it has no --crf")
            for name in Picture._fields[:-3]:
                setattr(context, name, getattr(self.picture, name))
            context.open()
        except (ValueError, FFmpegError) as error:
            what = f"{self.codec} cannot make this film ({self.picture.pix_fmt}) for {self.container}"
            raise UserError(f"{what}: {describe_failure(error)}: choose another --codec") from error
        stream.time_base = self.picture.time_base
        stream.set_display_rotation(90 * self.picture.turns)
        return stream


class Done(NamedTuple):
    """How many frames are done, the time of the last in the film's time base, and the points that hold after it."""

    frames: int
    pts: int
    points: tuple[Point, ...]


def add_part(folder: Path, packets: list[Packet], done: Done) -> None:
    """Keeps a part, and what is done with it."""
    path = folder / f"{len(_parts(folder)):06d}.npz"
    table = [[p.size, p.pts, p.pts if p.dts is None else p.dts, p.duration or 0, p.is_keyframe] for p in packets]
    content = np.frombuffer(b"".join(map(bytes, packets)), np.uint8)
    state = json.dumps([done.frames, done.pts, [asdict(point) for point in done.points]])
    with writing(path), replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, content=content, table=np.array(table, np.int64), state=np.array(state))


def read_done(folder: Path, picture: Picture) -> Done:
    """What is done."""
    if not (parts := _parts(folder)):
        return Done(0, picture.start - 1, ())
    with np.load(parts[-1]) as arrays:
        frames, pts, points = json.loads(str(arrays["state"]))
    return Done(frames, pts, tuple(Point(**fields) for fields in points))


def packets_of(folder: Path, time_base: Fraction) -> Iterator[Packet]:
    """The packets of all parts; times of decoding rise, also where two parts meet."""
    last = -(2**62)
    for path in _parts(folder):
        with np.load(path) as arrays:
            content, table, start = arrays["content"], arrays["table"].tolist(), 0
        for size, pts, dts, duration, key in table:
            packet = Packet(content[start : start + size].tobytes())
            packet.time_base, packet.is_keyframe, start = time_base, bool(key), start + size
            packet.pts, packet.dts, packet.duration = pts, (last := max(dts, last + 1)), duration
            yield packet


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def write_film(
    target: Path, encoder: Encoder, packets: Iterable[Packet], film: Path, note: Callable[[str], object], until: float
) -> None:
    """Writes a film in colour, with the sound, subtitles, chapters and all else of the film up to a time, in s.

    Raises:
        OSError: if it cannot be written.
        UserError: if the container does not take what the codec makes. What else it does not take is noted.
    """
    with opened(film) as (source, chosen), av.open(f"file:{target}", "w", format=encoder.container) as out:
        copies: dict[int, Stream] = {chosen.index: encoder.add_stream(out)}
        for stream in source.streams:
            if stream.type == "data":  # such as the chapters of MP4, which are copied as chapters
                continue
            try:
                made = copies.get(stream.index) or out.add_stream_from_template(stream, opaque=True)
            except (ValueError, NotImplementedError, FFmpegError):
                note(f"stream {stream.index} ({stream.type}) is left out: {encoder.container} does not take it")
                continue
            made.metadata.update(stream.metadata)
            made.disposition, copies[stream.index] = stream.disposition, made
        out.metadata.update(source.metadata)
        out.set_chapters(source.chapters())
        others = [source.streams[index] for index in copies if index != chosen.index]
        rest = (each for each in source.demux(others) if each.pts is not None) if others else ()
        for packet in heapq.merge(packets, rest, key=_time):
            if packet.stream is None or _time(packet) <= until:
                packet.stream = copies[chosen.index if packet.stream is None else packet.stream.index]
                out.mux(packet)


def _time(packet: Packet) -> float:
    return float(((packet.pts or 0) if packet.dts is None else packet.dts) * packet.time_base)
