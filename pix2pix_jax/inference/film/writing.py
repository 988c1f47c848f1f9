"""Writes films: frames become packets of one codec, and packets a film with the sound and all else of another."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
from av.codec import CodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.film.reading import Picture, opened

_GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: what a codec says but once goes before the packets


class Encoder(NamedTuple):
    """One of FFmpeg's encoders, for one picture and one kind of container."""

    codec: str
    options: dict[str, str]
    picture: Picture
    container: str

    def packets(self, frames: Iterable[VideoFrame]) -> Iterator[Packet]:
        """Encodes frames, which need none before them."""
        context = CodecContext.create(self.codec, "w")
        assert isinstance(context, VideoCodecContext)
        if "crf" in self.options and "crf" not in {option.name for option in context.supported_options.private}:
            raise UserError(f"{self.codec} has no --crf: leave it out")
        context.options = self.options
        if self.container != "mpegts":
            context.flags |= _GLOBAL_HEADER
        self._set_up(context)
        for frame in frames:
            yield from context.encode(frame)
        yield from context.encode(None)

    def add_stream(self, out: OutputContainer) -> VideoStream:
        """Adds a stream for the packets to a film that is written."""
        stream = out.add_stream(self.codec, self.picture.rate, options=self.options)
        assert isinstance(stream, VideoStream)
        self._set_up(stream.codec_context)
        stream.time_base = self.picture.time_base
        if self.picture.turns:
            stream.set_display_rotation(90 * self.picture.turns)
        return stream

    def _set_up(self, context: VideoCodecContext) -> None:
        picture = self.picture
        context.width, context.height, context.pix_fmt = picture.width, picture.height, picture.pixel_format
        context.framerate, context.time_base, context.sample_aspect_ratio = (
            picture.rate,
            picture.time_base,
            picture.aspect,
        )
        context.colorspace, context.color_primaries, context.color_trc = (
            picture.space,
            picture.primaries,
            picture.transfer,
        )
        context.color_range = 2 if picture.full_range else 1


def write_film(
    target: Path, encoder: Encoder, packets: Iterable[Packet], film: Path, note: Callable[[str], object], until: float
) -> None:
    """Writes a film in colour, with the sound, subtitles, chapters and all else of the film up to a time, in s.

    Raises:
        OSError: if it cannot be written.
        UserError: if the container does not take what the codec makes. What else it does not take is noted.
    """
    container = encoder.container
    with opened(film) as (source, chosen), av.open(f"file:{target}", "w", format=container) as out:
        copies: dict[int, Stream] = {}
        for stream in source.streams:
            if stream.type == "data":  # such as the chapters of MP4, which are copied as chapters
                continue
            try:
                if stream is chosen:
                    made = encoder.add_stream(out)
                else:
                    made = out.add_stream_from_template(stream, opaque=True)
            except (ValueError, NotImplementedError, FFmpegError) as error:
                if stream is chosen:
                    raise UserError(f"{container} holds no {encoder.codec}: choose another --codec") from error
                note(f"stream {stream.index} ({stream.type}) is left out: {container} does not take it")
                continue
            made.metadata.update(stream.metadata)
            made.disposition, copies[stream.index] = stream.disposition, made
        out.metadata.update(source.metadata)
        out.set_chapters(source.chapters())
        others = [source.streams[index] for index in copies if index != chosen.index]
        rest = (each for each in source.demux(others) if each.pts is not None) if others else ()
        for packet in heapq.merge(_rising(packets), rest, key=_time):
            if packet.stream is None or _time(packet) <= until:
                packet.stream = copies[chosen.index if packet.stream is None else packet.stream.index]
                out.mux(packet)


def _rising(packets: Iterable[Packet]) -> Iterator[Packet]:
    """Packets whose times of decoding rise, also where two parts meet."""
    last = -(2**62)
    for packet in packets:
        packet.dts = last = max(packet.dts or 0, last + 1)
        yield packet


def _time(packet: Packet) -> float:
    return float(((packet.pts or 0) if packet.dts is None else packet.dts) * packet.time_base)
