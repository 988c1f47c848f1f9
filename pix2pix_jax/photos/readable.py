"""What may be read: the formats, and which files count as images by their extension or their content."""

import importlib
import importlib.util
from functools import cache
from pathlib import Path

from PIL import Image

# The formats that are opened, whatever a file is called. None of them starts a program, as EPS starts Ghostscript, or
# opens what lies within a file as any other format, as IPTC does.
_FORMATS = "JPEG PNG TIFF WEBP AVIF HEIF JPEG2000 MPO GIF BMP DIB PPM PSD TGA PCX SGI"
_NO_IMAGES = frozenset({"BUFR", "GRIB", "HDF5", "MPEG", "PALM", "PDF"})  # though Pillow knows their extensions

_RAW = (
    "3fr ari arw bay cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf"
    " srw x3f"
)
_REASONS = {
    "heic heif hif heics heifs": "HEIC is read with pillow-heif: pip install pillow-heif, or save it as JPEG",
    "jxl": "JPEG XL is not read: save it as PNG or JPEG",
    "pdf djvu djv svg xcf kra ai": "it holds pages or drawings, and is not read: save them as PNG or JPEG",
    _RAW: "a camera's raw file is not read: develop it to JPEG, PNG or TIFF",
}
_UNREAD = {f".{name}": reason for names, reason in _REASONS.items() for name in names.split()}

# How files begin that are images whatever they are called.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")


@cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that may be opened here, HEIF among them where pillow-heif is installed."""
    Image.init()
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in _FORMATS.split() if name in Image.OPEN)


@cache
def image_extensions() -> frozenset[str]:
    """Extensions of the formats that are read, in small letters, with their dot."""
    readable = (*readable_formats(), "MPO")  # which Pillow opens as JPEG
    return frozenset(
        extension
        for extension, name in Image.registered_extensions().items()
        if name in readable and extension[1:] not in _RAW.split()
    )


def unread_reason(path: Path) -> str | None:
    """Why a file that is an image to others, by its extension, is not read; None for any other file."""
    suffix = path.suffix.lower()
    if suffix in image_extensions():
        return None
    if suffix in _UNREAD:
        return _UNREAD[suffix]
    name = Image.registered_extensions().get(suffix, "PDF")
    return None if name in _NO_IMAGES else f"{name} is not read: save it as PNG or TIFF"


def known_suffix(name: Path) -> str:
    """The extension of a name, as it is written, where it is one of some format's; "" for what only looks like one."""
    suffix = name.suffix.lower()
    readable_formats()
    return name.suffix if suffix in Image.registered_extensions() or suffix in _UNREAD or suffix == ".npy" else ""


def looks_like_an_image(path: Path) -> bool:
    """Whether a file begins like the images that are most common; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            beginning = file.read(12)
    except OSError:
        return False
    return beginning.startswith(_BEGINNINGS) or (beginning[:4], beginning[8:]) == (b"RIFF", b"WEBP")
