"""Reads films: what of the picture stays as it is, and the luma of its frames."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
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

_HDR = (16, 18)  # PQ and HLG: transfers, as ITU-T H.273 numbers them
_BT601 = 6  # a colour space, likewise
_LIMITED, _FULL = 1, 2  # ranges, as FFmpeg numbers them


class Picture(NamedTuple):
    """What of a film's picture stays as it is; all but the last three are called as in FFmpeg's contexts."""

    width: int  # px, as stored
    height: int
    pix_fmt: str  # of the result: planar YUV of 8 or 10 bits
    color_range: int  # 1: black and white are 16 and 235, of 8 bits; 2: all values
    colorspace: int  # these three as ITU-T H.273 numbers them
    color_primaries: int
    color_trc: int
    sample_aspect_ratio: Fraction  # width of a pixel over its height
    time_base: Fraction  # s
    framerate: Fraction  # frames a second, on average
    turns: int  # quarter turns counterclockwise that put it upright
    start: int  # time of the first frame, in `time_base`
    length: float  # s, that the film says it has; 0 if it does not

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height when it is shown."""
        return (self.height, self.width) if self.turns % 2 else (self.width, self.height)

    @property
    def levels(self) -> tuple[float, float, float]:
        """Black and white of luma, and the range of chroma, as they are stored."""
        step = 4.0 if self.pix_fmt.endswith("10le") else 1.0  # one of 8 bits
        most = 256.0 * step - 1.0
        return (0.0, most, most) if self.color_range == _FULL else (16.0 * step, 235.0 * step, 224.0 * step)

    def unit(self, luma: NDArray[np.float32]) -> NDArray[np.float32]:
        """Luma as the film has it, in [0, 1]."""
        black, white, _ = self.levels
        return ((luma - black) * (1.0 / (white - black))).clip(0.0, 1.0)

    def seconds(self, pts: int) -> float:
        """A time from the film's beginning."""
        return (pts - self.start) * float(self.time_base)


@dataclass
class Frame:
    """One frame, as far as it is done; times are in the film's time base."""

    luma: NDArray  # [height, width], uint8 or uint16, as the film has it
    pts: int
    duration: int
    small: NDArray[np.uint8] = field(init=False)  # luma at the coloring scale, upright, [h, w] in 0 to 255
    chroma: NDArray = field(init=False)  # Cr and Cb at that scale, float32 [h, w, 2] in [-0.5, 0.5]


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


def read_picture(path: Path) -> Picture:
    """Reads what of a film stays as it is; raises UserError if it cannot be read, is HDR or interlaced."""
    with opened(path) as (container, stream):
        with explaining(path):
            frame = next(container.decode(stream))
            check_size(frame.width, frame.height, path)
        if (hdr := frame.color_trc in _HDR) or frame.interlaced_frame:
            what, remedy = ("HDR", "tonemap") if hdr else ("interlaced", "bwdif")
            raise UserError(f"{path} is {what}: convert it first, with FFmpeg's filter {remedy}")
        name, stated, odd = frame.format.name, frame.color_range, frame.width % 2 or frame.height % 2
        form = f"yuv{'444' if odd else '420'}p{'10le' if frame.format.components[0].bits > 8 else ''}"
        # FFmpeg takes grey of no stated range as full.
        full = stated == _FULL or (name.startswith(("yuvj", "gray")) and stated != _LIMITED)
        base = stream.time_base or Fraction(1, 1000)
        return Picture(
            frame.width,
            frame.height,
            name if re.fullmatch("yuvj?4(20|22|44)p(10le)?", name) and not odd else form,
            _FULL if full else _LIMITED,
            _BT601 if frame.format.is_rgb else frame.colorspace,
            frame.color_primaries,
            frame.color_trc,
            stream.sample_aspect_ratio or Fraction(1),
            base,
            stream.average_rate or stream.guessed_rate or Fraction(25),
            round(frame.rotation / 90) % 4,
            frame.pts or 0,
            float(stream.duration * base if stream.duration else (container.duration or 0) / av.time_base),
        )


def read_frames(
    path: Path, picture: Picture, note: Callable[[str], object], after: int, damaged: bool = False
) -> Iterator[Frame]:
    """Decodes a film, from the frame after a time, in its time base, on.

    Where the film is damaged it raises UserError, or ends if that is asked for; where it ends too early, it says so.
    """
    step, last = max(1, round(1 / (picture.framerate * picture.time_base))), picture.start - 1
    with opened(path) as (container, stream):
        try:
            for frame in container.decode(stream):
                if (frame.width, frame.height) != (picture.width, picture.height):
                    raise UserError(f"{path} changes its size to {frame.width}×{frame.height}: cut it there first")
                last = max(last + 1, last + step if frame.pts is None else frame.pts)
                if last > after:
                    if frame.format.name != picture.pix_fmt:
                        frame = frame.reformat(format=picture.pix_fmt, dst_color_range=picture.color_range)
                    yield Frame(plane_of(frame, 0).copy(), last, frame.duration or step)
        except (FFmpegError, ValueError) as error:
            if not damaged:
                what = f"{path} cannot be read beyond {picture.seconds(last):.1f} s: {describe_failure(error)}"
                raise UserError(f"{what}; --damaged takes what is before") from error
    if picture.seconds(last) < picture.length - 1.0:
        note(f"the film ends after {picture.seconds(last):.1f} s of {picture.length:.1f}")


def plane_of(frame: VideoFrame, number: int) -> NDArray:
    """A view of a plane of a frame, uint8 or uint16 [height, width]."""
    plane, dtype = frame.planes[number], np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
    return np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // dtype.itemsize)[
        : plane.height, : plane.width
    ]
