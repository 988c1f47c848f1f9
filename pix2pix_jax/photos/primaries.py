"""Colour spaces that a header names without an ICC profile: by primaries, white and gamma."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green, blue
_ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998), 4.3.4.2
_USUAL_GAMMA = 2.2  # what PNG files say that are sRGB
_STEPS = 2**14  # of the table that encodes light: a third of a level where it is steepest


def implied_conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What brings an image without an ICC profile to sRGB.

    There is something to do for a PNG whose gamma (gAMA) is not that of sRGB, or whose primaries (cHRM, where there is
    a gAMA) are not; and for a photograph whose EXIF says Adobe RGB.

    Args:
        image: an opened image.

    Returns:
        The conversion; None where the image is sRGB, or says nothing.
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
def _conversion(gamma: float, chromaticity: tuple[float, ...]) -> Callable[[Image.Image], Image.Image] | None:
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
