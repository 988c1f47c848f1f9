"""ICC profiles for colour spaces that a header names without one: by primaries, white and gamma."""

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green, blue
_ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998), 4.3.4.2
_USUAL_GAMMA = 2.2  # what PNG files say that are sRGB
_D50 = np.array([0.9642, 1.0, 0.8249])
# Bradford's cones, for the way from the space's white to that of ICC profiles.
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def implied_profile(image: Image.Image) -> bytes | None:
    """The ICC profile that an image without one should have.

    That of a PNG whose gamma (gAMA) is not that of sRGB, or whose primaries (cHRM, where there is a gAMA) are not; and
    that of a photograph whose EXIF says Adobe RGB.

    Args:
        image: an opened image.

    Returns:
        The profile; None where the image is sRGB, or says nothing.
    """
    if "srgb" in image.info:  # PNG: it wins over the other two
        return None
    if file_gamma := image.info.get("gamma"):
        gamma, chromaticity = 1.0 / file_gamma, image.info.get("chromaticity", _SRGB)
        usual = abs(gamma - _USUAL_GAMMA) < 0.05 and np.allclose(chromaticity, _SRGB, atol=0.01)
        if usual or not 0.1 < gamma < 10.0:
            return None
        return _profile(gamma, chromaticity)
    return _profile(_ADOBE_GAMMA, _ADOBE_RGB) if _is_adobe_rgb(image) else None


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


def _profile(gamma: float, chromaticity: tuple[float, ...]) -> bytes | None:
    """An RGB display profile of version 2 (ICC.1:2001-04); None where the primaries span no space."""
    points = np.reshape(chromaticity, (4, 2))
    if points[:, 1].min() <= 0.0:
        return None
    white, *primaries = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in points)
    columns = np.stack(primaries, 1)
    if abs(np.linalg.det(columns)) < 1e-6:
        return None
    columns = columns * np.linalg.solve(columns, white)
    columns = np.linalg.inv(_CONES) @ np.diag(_CONES @ _D50 / (_CONES @ white)) @ _CONES @ columns
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(256 * gamma))
    names = (b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ")
    xyz = {name: b"XYZ " + _fixed(values) for name, values in zip(names, (_D50, *columns.T), strict=True)}
    tags = {b"desc": b"desc" + struct.pack(">4xI", 1) + bytes(1 + 4 + 4 + 2 + 1 + 67 + 3), **xyz}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    begin, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", begin + len(content), len(data))
        content += data
    header = struct.pack(">I4xI4s4s4s12x4s24x", begin + len(content), 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (header + _fixed(_D50)).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def _fixed(values: NDArray[np.float64]) -> bytes:
    """Three numbers with 16 bits behind the point, after the four bytes that are reserved."""
    return struct.pack(">4x3i", *np.rint(65536 * values).astype(int))
