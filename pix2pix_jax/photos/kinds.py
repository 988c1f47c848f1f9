"""Which files are images, by the extensions that Pillow knows, and which are so to others but are not read here."""

import importlib
import importlib.util
from functools import cache
from pathlib import Path

from PIL import Image

# Formats that Pillow recognises or writes, but cannot turn into pixels by itself.
_NOT_DECODED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"})

_HEIC = "HEIC is read where pillow-heif is installed: pip install pillow-heif, or save it as JPEG"
_JXL = "JPEG XL is not read: save it as PNG or JPEG"
_RAW = "a camera's raw file is not read: develop it to JPEG, PNG or TIFF"

_RAW_EXTENSIONS = tuple(
    f".{name}"
    for name in (
        *("3fr", "ari", "arw", "bay", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "k25", "kdc"),
        *("mef", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
_UNREAD = {
    **dict.fromkeys((".heic", ".heif", ".hif", ".heics", ".heifs"), _HEIC),
    ".jxl": _JXL,
    **dict.fromkeys(_RAW_EXTENSIONS, _RAW),
}

# How files begin that are images whatever they are called.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")


@cache
def register_plugins() -> None:
    """Registers what reads further formats, where it is installed."""
    if importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()


@cache
def image_extensions() -> frozenset[str]:
    """Extensions of the formats that can be decoded, in small letters, with their dot."""
    register_plugins()
    return frozenset(
        extension
        for extension, format_name in Image.registered_extensions().items()
        if format_name not in _NOT_DECODED and format_name in Image.OPEN and extension not in _RAW_EXTENSIONS
    )


def unread_reason(path: Path) -> str | None:
    """Why a file that is a photograph to others, by its extension, is not read; None for any other file."""
    suffix = path.suffix.lower()
    return None if suffix in image_extensions() else _UNREAD.get(suffix)


def known_suffix(name: Path) -> str:
    """The extension of a name, as it is written, where it is one of some format's; "" for what only looks like one."""
    suffix = name.suffix.lower()
    register_plugins()
    return name.suffix if suffix in Image.registered_extensions() or suffix in _UNREAD or suffix == ".npy" else ""


def looks_like_an_image(path: Path) -> bool:
    """Whether a file begins like the images that are most common; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            beginning = file.read(12)
    except OSError:
        return False
    return beginning.startswith(_BEGINNINGS) or (beginning[:4], beginning[8:]) == (b"RIFF", b"WEBP")
