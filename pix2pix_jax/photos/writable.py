"""What may be written: the formats that hold colour, and what a written file is called."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image, features

from pix2pix_jax.photos.readable import known_suffix


@dataclass(frozen=True)
class Format:
    """A format that colour can be written in.

    Attributes:
        name: Pillow's name.
        alpha: whether it keeps transparency.
        options: how it is written.
        longest: the longest side that it holds and that is read again, px.
    """

    name: str
    alpha: bool
    options: dict[str, Any] = field(default_factory=dict)
    longest: int = 2**31 - 1


# Colour in JPEG and AVIF at full resolution: generated colour is smooth, but its borders with grey are not.
# Level 6 of PNG, zlib's own, makes a photograph 5 % smaller, in five times as long.
_FORMATS = {
    each.name: each
    for each in (
        Format("JPEG", False, {"quality": 95, "subsampling": "4:4:4"}, 65_500),
        Format("PNG", True, {"compress_level": 2}),
        Format("TIFF", True, {"compression": "tiff_deflate"}),
        Format("WEBP", True, {"quality": 95}, 16_383),
        Format("AVIF", True, {"quality": 90, "subsampling": "4:4:4"}, 32_768),
        Format("JPEG2000", True),
        Format("BMP", False),
        Format("TGA", True, {}, 65_535),
        Format("PPM", False),
    )
}
_WITHOUT_COLOR = (".pbm", ".pgm", ".pfm")  # extensions of PPM's family
_CODESTREAMS = (".j2k", ".j2c", ".jpc")  # of JPEG 2000, without a file format around it


def format_of(name: Path) -> Format | None:
    """The format that a file's extension stands for, by all that Pillow knows; None where that cannot hold colour."""
    suffix = known_suffix(name).lower()
    found = _FORMATS.get(Image.registered_extensions().get(suffix, ""))
    if found is None or suffix in _WITHOUT_COLOR or (found.name == "AVIF" and not features.check("avif")):
        return None
    return replace(found, options={"no_jp2": True}) if suffix in _CODESTREAMS else found


def with_extension(name: Path, extension: str) -> Path:
    """A name with another extension; what is no extension of some format, such as a date, stays."""
    old = known_suffix(name)
    return name.with_name((name.name[: -len(old)] if old else name.name) + extension)


def name_to_write(name: Path, alpha: bool, longest: int = 1) -> Path:
    """The name itself, or with the extension .png where its format cannot be written, or cannot hold the image.

    Args:
        name: the file's.
        alpha: whether the image has transparency.
        longest: its longer side, px.
    """
    chosen = format_of(name)
    holds = chosen is not None and (chosen.alpha or not alpha) and longest <= chosen.longest
    return name if holds else with_extension(name, ".png")
