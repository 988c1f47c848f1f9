"""Luma and transparency of an image of any kind that Pillow knows."""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pix2pix_jax.data.decode import upright_transpose

# Large photographs are read in bands, so that what a conversion takes on the way stays small.
_BAND_PIXELS = 2**22

# Modes that an ICC profile of each colour space can speak of.
_PROFILED = {
    "GRAY": ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"),
    "RGB": ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"),
    "CMYK": ("CMYK",),
}
_TRANSFORMED = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


class GrayPhoto(NamedTuple):
    """What is taken from a photograph.

    Attributes:
        luma: BT.601 luma of its sRGB values, uint8 [H, W], upright.
        alpha: its opacity, uint8 [H, W]; None where all of it is opaque by nature.
        notes: what the user should know of how it was read, a line each.
    """

    luma: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    notes: tuple[str, ...]


def gray_photo(image: Image.Image) -> GrayPhoto:
    """Reads luma and transparency of an image.

    An ICC profile is honoured, and the EXIF orientation applied. 16-bit grey is rounded to 8 bits. 32-bit integers
    count as 16-bit grey where all of them are within its range, floating-point pixels as having their white at 1, 255
    or 65535, the least that holds them all; otherwise the darkest becomes black and the brightest white.

    Args:
        image: an image of any mode; of an animation, the frame it stands at.

    Returns:
        Luma, transparency and notes.

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    image.load()
    transform, notes = _profile_transform(image)
    to_8_bits = _to_8_bits(image)
    width, height = image.size
    luma = np.empty((height, width), np.uint8)
    alpha = np.empty_like(luma) if image.has_transparency_data else None
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        deep = band = image.crop((0, rows.start, width, rows.stop))
        if alpha is not None:
            band = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
            alpha[rows] = np.asarray(band.getchannel("A"))
        luma[rows] = np.asarray(_to_luma(band if to_8_bits is None else to_8_bits(deep), transform))
    upright = upright_transpose(image)
    if upright is not None:
        luma = np.asarray(Image.fromarray(luma).transpose(upright))
        alpha = None if alpha is None else np.asarray(Image.fromarray(alpha).transpose(upright))
    return GrayPhoto(luma, alpha, notes)


def _to_luma(image: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    """Mode "L" of an image of at most 8 bits a channel."""
    if transform is not None:
        wanted = str(transform.inputMode)
        image = transform.apply(image if image.mode == wanted else image.convert(wanted))
    if image.mode not in ("1", "L", "RGB", "RGBA"):  # Pillow reaches "L" from few of the others
        image = image.convert("RGB")
    return image.convert("L")


def _to_8_bits(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What brings a band of an image to at most 8 bits a channel; None where it has no more."""
    if image.mode.startswith("I;16"):
        return lambda band: _scaled(band, 0.0, 65535.0)
    if image.mode not in ("I", "F"):
        return None
    values = np.nan_to_num(np.asarray(image))
    darkest, brightest = float(values.min()), float(values.max())
    for white in (65535.0,) if image.mode == "I" else (1.0, 255.0, 65535.0):
        if darkest >= 0.0 and brightest <= white:
            return lambda band: _scaled(band, 0.0, white)
    return lambda band: _scaled(band, darkest, brightest)


def _scaled(band: Image.Image, black: float, white: float) -> Image.Image:
    """Mode "L" of an image of one channel, whose values go from black to white."""
    values = np.nan_to_num(np.asarray(band).astype(np.float64))
    return Image.fromarray(np.rint((values - black) * (255.0 / max(white - black, 1e-9))).clip(0, 255).astype(np.uint8))


def _profile_transform(image: Image.Image) -> tuple[ImageCms.ImageCmsTransform | None, tuple[str, ...]]:
    """From the colours of an image's ICC profile to sRGB, None where there is nothing to do; notes of a bad one."""
    data = image.info.get("icc_profile")
    if not data:
        return None, ()
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        described: Any = profile.profile  # Pillow's type for it lacks what is read here
        space = described.xcolor_space.strip()
        if (space, image.mode) == ("Lab", "LAB"):
            return None, ()  # says no more than the mode
        if image.mode not in _PROFILED.get(space, ()):
            return None, (f"its colour profile is for {space}, not for {image.mode} pixels, and is ignored",)
        description = (described.profile_description or "").lower()
        if description.startswith("srgb") and "linear" not in description:
            return None, ()  # going through it would only cost rounding
        return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), _TRANSFORMED[space], "RGB"), ()
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None, ("its colour profile cannot be read, and is ignored",)
