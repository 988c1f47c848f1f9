"""What is said of a photograph beside its pixels, and still holds when it is coloured."""

import math
import re
from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

_LARGEST = 65_000  # bytes; a JPEG segment holds 65,533
_SRGB = 1  # EXIF 2.32, tag 0xA001

# TIFF 6.0 and XMP: resolution, description, XMP packet.
_X_RESOLUTION, _DESCRIPTION, _XMP = 282, 270, 700

# The formats whose writers take each of them; PNG and TIFF have other places for texts.
_PLACES = {
    "dpi": ("JPEG", "PNG", "TIFF", "BMP"),
    "exif": ("JPEG", "PNG", "WEBP", "AVIF"),
    "xmp": ("JPEG", "WEBP", "AVIF"),
    "comment": ("JPEG", "JPEG2000"),
}

_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>|=\'))[2-8]')


def metadata_to_keep(image: Image.Image) -> dict[str, Any]:
    """What of an image's metadata still holds when it is coloured.

    Args:
        image: the image, as it was opened.

    Returns:
        Of `exif`, `xmp`, `comment` and `dpi`, those that there are and that can be read.
    """
    kept: dict[str, Any] = {}
    # A TIFF's own tags, which getexif() gives too, describe the file.
    for name in ("exif", "xmp", "comment"):
        with suppress(Exception):  # damaged metadata must not cost the photograph
            value: Any = image.info.get(name) or image.info[name.capitalize()]
            data = value.encode() if isinstance(value, str) else bytes(value)
            if 0 < len(_described(data, 1, 1) if name == "exif" else data) <= _LARGEST:
                kept[name] = _XMP_ORIENTATION.sub(rb"\g<1>1", data) if name == "xmp" else data
    with suppress(Exception):
        dpi = tuple(float(value) for value in image.info["dpi"])
        # To a TIFF file that names no resolution, Pillow gives one dot per inch.
        said = image.format != "TIFF" or _X_RESOLUTION in image.tag_v2  # type: ignore[attr-defined]
        if said and len(dpi) == 2 and all(math.isfinite(value) and 1.0 <= value < 65_536.0 for value in dpi):
            kept["dpi"] = dpi
    return kept


def save_options(format_name: str, kept: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Metadata as arguments of Pillow's `save`.

    Args:
        format_name: Pillow's name of the format; what it has no place for is left out.
        kept: from `metadata_to_keep`.
        size: width and height of what is written, px.
    """
    options = {name: value for name, value in kept.items() if format_name in _PLACES[name]}
    if "exif" in options:
        options["exif"] = _described(kept["exif"], *size)
    if format_name == "PNG":
        text = options["pnginfo"] = PngImagePlugin.PngInfo()
        if "xmp" in kept:
            text.add_itxt("XML:com.adobe.xmp", kept["xmp"].decode(errors="replace"))
        if "comment" in kept:
            text.add_text("Comment", kept["comment"].decode(errors="replace"))
    if format_name == "TIFF":
        tags = {_XMP: kept.get("xmp"), _DESCRIPTION: kept.get("comment")}
        options["tiffinfo"] = {tag: value for tag, value in tags.items() if value}
    return options


def _described(data: bytes, width: int, height: int) -> bytes:
    """EXIF that is true of what is written: upright, its size and colour space where they are named; b"" if empty."""
    base, exif = ExifTags.Base, Image.Exif()
    exif.load(data)
    exif.pop(base.Orientation, None)
    details = exif.get_ifd(ExifTags.IFD.Exif)
    true = {base.ColorSpace: _SRGB, base.ExifImageWidth: width, base.ExifImageHeight: height}
    details.update({tag: value for tag, value in true.items() if tag in details})
    true = {base.ImageWidth: width, base.ImageLength: height}
    exif.update({tag: value for tag, value in true.items() if tag in exif})
    return exif.tobytes() if len(exif) else b""
