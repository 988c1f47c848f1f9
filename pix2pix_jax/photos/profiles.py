"""ICC profiles: from the colours that an image is in to sRGB."""

import io
from functools import lru_cache
from typing import Any, NamedTuple

from PIL import Image, ImageCms

from pix2pix_jax.photos.primaries import implied_profile

# Modes that an ICC profile of each colour space can speak of.
_PROFILED = {
    "GRAY": ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"),
    "RGB": ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"),
    "CMYK": ("CMYK",),
}
_TRANSFORMED = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


class Profile(NamedTuple):
    """What an ICC profile asks for.

    Attributes:
        transform: to sRGB; None where there is nothing to do.
        notes: what the user should know of it, a line each.
    """

    transform: ImageCms.ImageCmsTransform | None
    notes: tuple[str, ...] = ()


def profile_of(image: Image.Image) -> Profile:
    """What an image's ICC profile, its own or implied, asks for; one that cannot be used is ignored with a note."""
    data = image.info.get("icc_profile")
    if not data:
        data = implied_profile(image) if image.mode in _PROFILED["RGB"] else None
    if not data:
        return Profile(None)
    return _profile(bytes(data), image.mode) if isinstance(data, bytes | bytearray) else _UNREADABLE


_UNREADABLE = Profile(None, ("its colour profile cannot be read, and is ignored",))


@lru_cache(maxsize=16)  # photographs of one camera have one profile
def _profile(data: bytes, mode: str) -> Profile:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        described: Any = profile.profile  # Pillow's type for it lacks what is read here
        space = described.xcolor_space.strip()
        if (space, mode) == ("Lab", "LAB"):
            return Profile(None)  # says no more than the mode
        if mode not in _PROFILED.get(space, ()):
            return Profile(None, (f"its colour profile is for {space}, not for {mode} pixels, and is ignored",))
        description = (described.profile_description or "").lower()
        if description.startswith("srgb") and "linear" not in description:
            return Profile(None)  # going through it would only cost rounding
        return Profile(ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), _TRANSFORMED[space], "RGB"))
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return _UNREADABLE
