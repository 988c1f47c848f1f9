"""ICC profiles: from the colours that an image is in to sRGB."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from pix2pix_jax.photos.primaries import implied_conversion

ToSrgb = Callable[[Image.Image], Image.Image]
"""Brings pixels of a mode that the profile speaks of to sRGB, mode "RGB"."""

# Modes that an ICC profile of each colour space can speak of.
_PROFILED = {
    "GRAY": ("1", "L", "LA", "La"),
    "RGB": ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"),
    "CMYK": ("CMYK",),
}
_TRANSFORMED = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}

_SEEN = 2  # levels of 255 by which a profile may differ from sRGB: less than the rounding would cost is left alone


def profile_of(image: Image.Image) -> tuple[ToSrgb | None, tuple[str, ...]]:
    """What an image's ICC profile, its own or implied, asks for.

    Whether a profile is that of sRGB is decided by what it does, not by its name.

    Returns:
        The conversion, None where there is nothing to do; and what the user should know, a line each: a profile that
        cannot be used is ignored.
    """
    data = image.info.get("icc_profile")
    if not data:
        return implied_conversion(image) if image.mode in _PROFILED["RGB"] else None, ()
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
        wanted = _TRANSFORMED[space]
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
