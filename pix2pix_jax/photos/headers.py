"""What the header of a file says of its pixels, and Pillow does not honour: honoured here, or the file is refused."""

from pathlib import Path
from typing import Any

from PIL import Image

# Tags of TIFF 6.0.
_SUBFILE, _OLD_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _SAMPLE_FORMAT = 254, 255, 258, 259, 262, 284, 339
_WHITE_IS_ZERO = 0
_SIGNED = 2

_HEADER_BYTES = 2**16  # within which a JPEG 2000 file says how deep it is


def check_header(image: Image.Image) -> None:
    """Makes sure that an image that was opened is a photograph; raises ValueError if it is a preview or a mask."""
    if image.format != "TIFF":
        return
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    width, height = image.size
    if _number(tags, _SUBFILE) & 1 or _number(tags, _OLD_SUBFILE) == 2:
        raise ValueError(
            f"its first image is a preview of {width}×{height}, as in a camera's raw file: develop the photograph to"
            " JPEG, PNG or TIFF"
        )
    if _number(tags, _SUBFILE) & 4:
        raise ValueError("its first image is a transparency mask: save the photograph alone")


def misread(image: Image.Image) -> str | None:
    """Why the pixels of an image that was opened would be other ones than the file's; None where Pillow is right."""
    if image.format != "TIFF":
        return None
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits = max(tags.get(_BITS, (1,)), default=1)
    if image.mode == "L" and _SIGNED in tags.get(_SAMPLE_FORMAT, ()):
        return "its 8 bits have a sign: save it without, or with 16 bits"
    if bits > 8 and _number(tags, _PLANAR) == 2 and len(image.getbands()) > 1:
        return f"its planes of {bits} bits lie apart (tag 284), which Pillow misreads: save it interleaved"
    if tags.prefix == b"MM" and image.mode in ("I", "F") and _number(tags, _COMPRESSION, 1) != 1:
        return f"its {bits} bits are big-endian and compressed, which Pillow misreads: save it without compression"
    return None


def deep_ends(image: Image.Image) -> tuple[float, float] | None:
    """The values of black and white of an image of one channel of more than 8 bits, as far as its header says.

    Args:
        image: an image that was opened.

    Returns:
        Black and white, black being the higher one where the header says that zero is white; None where the mode has
        no known white. The white of floating point counts as 1.
    """
    tags: Any = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    white = {"F": 1.0, "I": None}.get(image.mode, 65535.0)
    if tags is not None and image.mode != "F":
        bits = max(tags.get(_BITS, (16,)), default=16)
        signed = _SIGNED in tags.get(_SAMPLE_FORMAT, ())
        white = 2.0 ** (bits - signed) - 1.0 if bits <= 16 else None
    if white is None:
        return None
    return (white, 0.0) if is_negative(image) else (0.0, white)


def is_unsigned(image: Image.Image) -> bool:
    """Whether the header says that whole numbers have no sign."""
    tags: Any = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    return tags is not None and _SIGNED not in tags.get(_SAMPLE_FORMAT, ())


def is_negative(image: Image.Image) -> bool:
    """Whether zero is white in an image of one channel of more than 8 bits, which Pillow leaves as it is."""
    tags: Any = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    deep = image.mode.startswith("I;16") or image.mode in ("I", "F")
    return tags is not None and deep and _number(tags, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO


def jpeg2000_bits(path: Path) -> int:
    """The most bits that a channel of a JPEG 2000 file has; 8 where the file does not say."""
    with path.open("rb") as file:
        data = file.read(_HEADER_BYTES)
    # The codestream begins with the markers SOC and SIZ; SIZ ends with three bytes for each channel (ISO 15444-1, A.5).
    start = data.find(b"\xff\x4f\xff\x51")
    count = int.from_bytes(data[start + 40 : start + 42], "big")
    depths = data[start + 42 : start + 42 + 3 * count : 3] if start >= 0 else b""
    return max(((depth & 0x7F) + 1 for depth in depths), default=8)


def heif_bits(path: Path) -> int:
    """The bits that a channel of an AVIF or HEIC file has; 8 where the file does not say."""
    with path.open("rb") as file:
        data = file.read(_HEADER_BYTES)
    # The decoder's configuration: AV1 Codec ISO Media File Format Binding, 2.3.3, and ISO 14496-15, 8.3.3.1.
    if (start := data.find(b"av1C") + 4) > 3 and (flags := data[start + 2 : start + 3]):
        return 12 if flags[0] & 0x20 else 10 if flags[0] & 0x40 else 8
    if (start := data.find(b"hvcC") + 4) > 3 and (depth := data[start + 17 : start + 18]):
        return 8 + (depth[0] & 7)
    return 8


def _number(tags: Any, tag: int, default: int = 0) -> int:
    """The value of a tag that should be one whole number."""
    value = tags.get(tag, default)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else default
