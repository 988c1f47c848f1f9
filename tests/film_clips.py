"""Films for tests: a photograph in known motion, with sound, subtitles and chapters."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

_STYLE = b"""[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""  # without which FFmpeg begins no subtitles


def pan(frames: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """A window that moves over a photograph by 1.5 px a frame, uint8 RGB [height, width, 3]."""
    from skimage import data

    photo = Image.fromarray(data.astronaut())
    boxes = [(1.5 * t, 0.0, 1.5 * t + width, height) for t in range(frames)]
    large = photo.resize((width + 2 * frames, height), reducing_gap=3.0)
    return [np.asarray(large.resize((width, height), Image.Resampling.BICUBIC, box=box)) for box in boxes]


def write_clip(
    path: Path,
    images: list[np.ndarray],
    *,
    pixel_format: str = "yuv420p",
    times: list[int] | None = None,
    sound: bool = False,
    subtitles: tuple[tuple[int, int, str], ...] = (),
    turn: int = 0,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    **wishes: object,
) -> Path:
    """Writes a film of RGB images whose times count 1/12800 s; other arguments are the codec context's attributes.

    Subtitles (from and to, ms; text) are mov_text in MP4, and subrip in Matroska.
    """
    import av

    base = Fraction(1, 12800)
    height, width = images[0].shape[:2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, 25, options=options or {"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.time_base = stream.time_base = base
        for name, value in wishes.items():
            setattr(stream.codec_context, name, value)
        if turn:
            stream.set_display_rotation(turn)
        noise = out.add_stream("aac", 48000) if sound else None
        if sound:
            chapter = {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
            out.set_chapters([chapter])
            out.metadata["title"] = "A pan"
        if subtitles:
            in_mp4 = path.suffix == ".mp4"
            texts = out.add_stream("mov_text" if in_mp4 else "subrip")
            texts.codec_context.subtitle_header = _STYLE
            texts.time_base = Fraction(1, 1000)
            for start, end, text in subtitles:
                packet = av.Packet((len(text).to_bytes(2, "big") if in_mp4 else b"") + text.encode())
                packet.pts, packet.dts, packet.duration, packet.time_base = start, start, end - start, texts.time_base
                packet.stream = texts
                out.mux(packet)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = 512 * number if times is None else times[number], base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if noise is not None:
            tone = np.sin(np.arange(48 * 40 * len(images)) / 20.0).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.sample_rate = 48000
            out.mux(noise.encode(frame))
            out.mux(noise.encode(None))
    return path


def decoded(path: Path) -> list[list[np.ndarray]]:
    """The planes of every frame."""
    import av

    from pix2pix_jax.inference.film.reading import plane_of

    with av.open(str(path)) as film:
        return [[plane_of(frame, number).copy() for number in range(3)] for frame in film.decode(video=0)]


def packets(path: Path, kind: str) -> list[tuple[int, bytes]]:
    """Times and bytes of the packets of the first stream of a kind, in order of time."""
    import av

    with av.open(str(path)) as film:
        stream = next(each for each in film.streams if each.type == kind)
        return sorted((each.pts, bytes(each)) for each in film.demux(stream) if each.pts is not None)
