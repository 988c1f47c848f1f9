"""Reads films: what of the picture stays as it is, and the luma of its frames."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.codec import Codec
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.photo_files import explaining
from pix2pix_jax.photos import check_size

_HDR = {16: "PQ", 18: "HLG"}  # transfers, as ITU-T H.273 numbers them
_BT601 = 6  # a colour space, likewise
_LIMITED, _FULL = 1, 2  # ranges, as FFmpeg numbers them


class Picture(NamedTuple):
    """What of a film's picture stays as it is."""

    width: int  # px, as stored
    height: int
    pixel_format: str  # of the result: planar YUV
    bits: int  # 8 or 10
    full_range: bool  # else black and white are 16 and 235, of 8 bits
    space: int  # these three as ITU-T H.273 numbers them
    primaries: int
    transfer: int
    turns: int  # quarter turns counterclockwise that put it upright
    aspect: Fraction  # width of a pixel over its height
    time_base: Fraction  # s
    rate: Fraction  # frames a second, on average
    start: int  # time of the first frame, in `time_base`
    seconds: float  # that the film says it has; 0 if it does not

    def unit(self, luma: NDArray[np.float32]) -> NDArray[np.float32]:
        """Luma as the film has it, in [0, 1]."""
        step = 2.0 ** (self.bits - 8)
        black, white = (0.0, 2.0**self.bits - 1.0) if self.full_range else (16.0 * step, 235.0 * step)
        return ((luma - black) * (1.0 / (white - black))).clip(0.0, 1.0)


class Frame(NamedTuple):
    """One frame; times are in the film's time base."""

    luma: NDArray  # [height, width], uint8 or uint16, as the film has it
    pts: int
    duration: int
    seconds: float  # from the film's beginning


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a film, and finds its picture, which is no cover; raises UserError if there is none to be read."""
    with explaining(path):  # a name may look like an address, and a film may name others
        container = av.open(f"file:{path}", metadata_errors="replace", container_options={"protocol_whitelist": "file"})
    with container:
        streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise UserError(f"{path} has no video stream that can be read")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


def read_picture(path: Path, codec: str) -> Picture:
    """Reads what stays as it is of a film that one of FFmpeg's encoders will write.

    Raises:
        UserError: if it cannot be read, is HDR or interlaced, or the encoder does not take it.
    """
    with opened(path) as (container, stream):
        with explaining(path):
            frame = next(container.decode(stream))
            check_size(frame.width, frame.height, path)
        if frame.color_trc in _HDR:
            raise UserError(f"{path} is HDR ({_HDR[frame.color_trc]}): bring it to BT.709 first, with FFmpeg's tonemap")
        if frame.interlaced_frame:
            raise UserError(f"{path} is interlaced: make whole frames of it first, with FFmpeg's filter bwdif")
        usable, name, stated = _as_planes(frame), frame.format.name, frame.color_range
        # FFmpeg takes grey of no stated range as full.
        full = stated == _FULL or name.startswith("yuvj") or (name.startswith("gray") and stated != _LIMITED)
        base = stream.time_base or Fraction(1, 1000)
        seconds = stream.duration * base if stream.duration else (container.duration or 0) / av.time_base
        return Picture(
            frame.width,
            frame.height,
            _pixel_format(usable, codec),
            usable.format.components[0].bits,
            full and usable is frame,
            _BT601 if frame.format.is_rgb else frame.colorspace,
            frame.color_primaries,
            frame.color_trc,
            round(frame.rotation / 90) % 4,
            stream.sample_aspect_ratio or Fraction(1),
            base,
            stream.average_rate or stream.guessed_rate or Fraction(25),
            frame.pts or 0,
            float(seconds),
        )


def _as_planes(frame: VideoFrame) -> VideoFrame:
    """The frame in a format whose first plane is luma of 8 or 10 bits; of limited range, if it was none."""
    form, bits = frame.format, frame.format.components[0].bits
    if form.name.startswith(("yuv", "gray")) and bits in (8, 10) and not form.is_big_endian:
        return frame
    name = "yuv420p10le" if bits > 8 else "yuv420p"
    return frame.reformat(format=name, dst_colorspace="ITU601" if form.is_rgb else None, dst_color_range=_LIMITED)


def _pixel_format(frame: VideoFrame, codec: str) -> str:
    """The format of the result: chroma as fine as the film's, or in every pixel where a side is odd."""
    form, depth = frame.format, "10le" if frame.format.components[0].bits > 8 else ""
    halved = len(form.components) < 3 or form.chroma_height(64) < 64
    fine = "420" if halved else "422" if form.chroma_width(64) < 64 else "444"
    name = f"yuv{'444' if frame.width % 2 or frame.height % 2 else fine}p{depth}"
    try:
        known = {each.name for each in Codec(codec, "w").video_formats or ()}
    except ValueError as error:
        raise UserError(f"FFmpeg has no encoder {codec} here: --codec takes names such as libx265") from error
    if name not in known:
        raise UserError(f"{codec} takes no {name}, which this film needs: choose another --codec")
    return name


def read_frames(
    path: Path, picture: Picture, note: Callable[[str], object], after: int | None = None, damaged: bool = False
) -> Iterator[Frame]:
    """Decodes a film, from the frame after a time, in its time base, on.

    Where the film is damaged it raises UserError, or ends if that is asked for; where it ends too early, it says so.
    """
    step, last = max(1, round(1 / (picture.rate * picture.time_base))), picture.start - 1
    with opened(path) as (container, stream):
        frames = container.decode(stream)
        while True:
            seconds = (last - picture.start) * float(picture.time_base)
            try:
                frame = next(frames, None)
            except (FFmpegError, ValueError) as error:
                if not damaged:
                    what = f"{path} cannot be read beyond {seconds:.1f} s: {describe_failure(error)}"
                    raise UserError(f"{what}; --damaged takes what is before") from error
                frame = None
            if frame is None:
                if seconds < picture.seconds - 1.0:
                    note(f"the film ends after {seconds:.1f} s of {picture.seconds:.1f}")
                return
            if (frame.width, frame.height) != (picture.width, picture.height):
                raise UserError(f"{path} changes its size to {frame.width}×{frame.height}: cut it there first")
            pts = frame.pts if frame.pts is not None else last + step
            last = max(pts, last + 1)
            if after is None or last > after:
                seconds = (last - picture.start) * float(picture.time_base)
                yield Frame(plane_of(_as_planes(frame), 0).copy(), last, frame.duration or step, seconds)


def plane_of(frame: VideoFrame, number: int) -> NDArray:
    """A view of a plane of a frame, uint8 or uint16 [height, width]."""
    plane, dtype = frame.planes[number], np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
    return np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // dtype.itemsize)[
        : plane.height, : plane.width
    ]
