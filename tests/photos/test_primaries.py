"""Colour spaces that a header names without an ICC profile."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pix2pix_jax.photos import upright_rgb

PIXELS = np.array([[[200, 100, 50], [128, 128, 128], [255, 255, 255], [0, 0, 0]]], np.uint8)
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def png(gamma=None, chromaticity=None, srgb=False, mode="RGB"):
    """A PNG file of PIXELS, with chunks of colour (gAMA, cHRM, sRGB) before its pixels."""
    stream, info = io.BytesIO(), PngImagePlugin.PngInfo()
    if gamma is not None:
        info.add(b"gAMA", struct.pack(">I", round(100_000 * gamma)))
    if chromaticity is not None:
        info.add(b"cHRM", struct.pack(">8I", *(round(100_000 * value) for value in chromaticity)))
    if srgb:
        info.add(b"sRGB", b"\0")
    Image.fromarray(PIXELS).convert(mode).save(stream, "PNG", pnginfo=info)
    return Image.open(stream)


def in_srgb(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("file_gamma", "mode"), [(1.0, "RGB"), (1 / 1.8, "RGB"), (1.0, "L")])
def test_a_gamma_of_a_png_is_undone(file_gamma, mode):
    stored = np.asarray(Image.fromarray(PIXELS).convert(mode).convert("RGB"))
    wanted = in_srgb((stored / 255) ** (1 / file_gamma))
    np.testing.assert_allclose(upright_rgb(png(file_gamma, mode=mode)), wanted, atol=1.5)


SENSELESS = [(0.0,), (20_000,), (1.0, (0.3, 0.3) * 4), (1.0, (0.0,) * 8)]


@pytest.mark.parametrize("said", [(), (0.45455,), (0.45455, SRGB), (None, ADOBE_RGB), (1.0, None, True), *SENSELESS])
def test_what_is_srgb_or_makes_no_sense_stays(said):
    np.testing.assert_array_equal(upright_rgb(png(*said)), PIXELS)


def adobe_to_srgb():
    """By the standards' own matrices: Adobe RGB (1998), 4.3.6.1, and IEC 61966-2-1."""
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    from_xyz = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    return in_srgb(np.clip((PIXELS / 255) ** (563 / 256) @ to_xyz.T @ from_xyz.T, 0, 1))


def test_primaries_of_a_png_are_those_of_its_pixels():
    np.testing.assert_allclose(upright_rgb(png(256 / 563, ADOBE_RGB)), adobe_to_srgb(), atol=1.5)


@pytest.mark.parametrize(
    ("space", "index", "is_adobe"),
    [(0xFFFF, "R03", True), (2, None, True), (0xFFFF, None, False), (0xFFFF, "R98", False), (1, "R03", False)],
)
def test_adobe_rgb_is_known_by_exif(space, index, is_adobe):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = space
    if index:
        exif.get_ifd(0x8769)[0xA005] = {1: index}
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "WEBP", lossless=True, exif=exif)
    found = upright_rgb(Image.open(stream))
    np.testing.assert_allclose(found, adobe_to_srgb() if is_adobe else PIXELS, atol=1.5 if is_adobe else 0)
