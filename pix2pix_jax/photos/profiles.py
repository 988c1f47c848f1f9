"""From the colours that an image is in to sRGB: by its ICC profile, or the primaries and gamma that it names."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

ToSrgb = Callable[[Image.Image], Image.Image]
"""Brings pixels of a mode that the profile speaks of to sRGB, mode "RGB"."""

# By the colour space of an ICC profile: the mode that it transforms, and modes that are brought to that.
_PROFILED = {
    "GRAY": ("L", "1", "LA", "La"),
    "RGB": ("RGB", "1", "L", "LA", "La", "P", "PA", "RGBA", "RGBa", "RGBX"),
    "CMYK": ("CMYK",),
}

_SEEN = 2  # levels of 255 by which a profile may differ from sRGB: less than the rounding would cost is left alone

_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green, blue
_ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998), 4.3.4.2
_USUAL_GAMMA = 2.2  # what PNG files say that are sRGB
_STEPS = 2**14  # of the table that encodes light: a third of a level where it is steepest


def profile_of(image: Image.Image) -> tuple[ToSrgb | None, tuple[str, ...]]:
    """What an image's ICC profile, its own or implied, asks for.

    Whether a profile is that of sRGB is decided by what it does, not by its name.

    Returns:
        The conversion, None where there is nothing to do; and what the user should know, a line each: a profile that
        cannot be used is ignored.
    """
    data = image.info.get("icc_profile")
    if not data:
        return _implied_conversion(image) if image.mode in _PROFILED["RGB"] else None, ()
    return _profile(bytes(data), image.mode) if isinstance(data, bytes | bytearray) else _UNREADABLE


_UNREADABLE = None, ("its colour profile cannot be read, and is ignored",)


@lru_cache(maxsize=16)  # photographs of one camera have one profile
def _profile(data: bytes, mode: str) -> tuple[ToSrgb | None, tuple[str, ...]]:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        described: Any = profile.profile  # Pillow's type for it lacks what is read here
        space = described.xcolor_space.strip()
        if (space, mode) == ("Lab", "LAB"):
            return None, ()  # says no more than the mode
        if mode not in _PROFILED.get(space, ()):
            return None, (f"its colour profile is for {space}, not for {mode} pixels, and is ignored",)
        wanted = _PROFILED[space][0]
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), wanted, "RGB")
        if _is_idle(transform, wanted):
            return None, ()
        return lambda band: transform.apply(band if band.mode == wanted else band.convert(wanted)), ()
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return _UNREADABLE


def _is_idle(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform changes no colour, of a grid of them, by more than rounding does."""
    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(len(levels), -1, 3)
    colors = Image.fromarray(levels[None] if mode == "L" else grid)
    changed = np.asarray(transform.apply(colors)).astype(int) - np.asarray(colors.convert("RGB"))
    return bool(np.abs(changed).max() <= _SEEN)


def _implied_conversion(image: Image.Image) -> ToSrgb | None:
    """What brings an image without an ICC profile to sRGB; None where it is sRGB, or says nothing.

    There is something to do for a PNG whose gamma (gAMA) is not that of sRGB, or whose primaries (cHRM, where there is
    a gAMA) are not; and for a photograph whose EXIF says Adobe RGB.
    """
    if "srgb" in image.info:  # PNG: it wins over the other two
        return None
    if file_gamma := image.info.get("gamma"):
        gamma, chromaticity = 1.0 / file_gamma, image.info.get("chromaticity", _SRGB)
        usual = abs(gamma - _USUAL_GAMMA) < 0.05 and np.allclose(chromaticity, _SRGB, atol=0.01)
        return None if usual or not 0.1 < gamma < 10.0 else _conversion(gamma, tuple(chromaticity))
    return _conversion(_ADOBE_GAMMA, _ADOBE_RGB) if _is_adobe_rgb(image) else None


def _is_adobe_rgb(image: Image.Image) -> bool:
    """By EXIF: "uncalibrated" with the interoperability index of Adobe RGB (DCF 2.0), or 2, as some cameras say."""
    if "exif" not in image.info:
        return False
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        if space != 0xFFFF:
            return space == 2
        return exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex) == "R03"
    except Exception:  # a damaged EXIF block must not cost the photograph
        return False


@lru_cache(maxsize=16)
def _conversion(gamma: float, chromaticity: tuple[float, ...]) -> ToSrgb | None:
    """To sRGB from a space with the primaries and gamma; None where the primaries span no space."""
    to_xyz, srgb_to_xyz = _to_xyz(chromaticity), _to_xyz(_SRGB)
    if to_xyz is None or srgb_to_xyz is None:
        return None
    matrix = np.linalg.solve(srgb_to_xyz, to_xyz)
    matrix = (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)  # white stays white
    light = np.linspace(0.0, 1.0, 256, dtype=np.float32) ** gamma
    steps = np.linspace(0.0, 1.0, _STEPS)
    encoded = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    levels = np.rint(255.0 * encoded).astype(np.uint8)

    def convert(band: Image.Image) -> Image.Image:
        linear = light[np.asarray(band.convert("RGB"))] @ matrix.T
        return Image.fromarray(levels[np.rint(linear.clip(0.0, 1.0) * (_STEPS - 1)).astype(np.int16)])

    return convert


def _to_xyz(chromaticity: tuple[float, ...]) -> NDArray[np.float64] | None:
    """The matrix from a space's linear RGB to XYZ; None where its primaries span no space."""
    points = np.reshape(chromaticity, (4, 2))
    if points[:, 1].min() <= 0.0:
        return None
    white, *primaries = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in points)
    columns = np.stack(primaries, 1)
    return None if abs(np.linalg.det(columns)) < 1e-6 else columns * np.linalg.solve(columns, white)
