"""ICC profiles count by what they do, whatever they are called and however large they are."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, ImageCms, PngImagePlugin

from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import open_image, read_image

RGB = smooth_images(1, 48)[0]
LIGHT = np.where(RGB <= 0.04045 * 255, RGB / 255 / 12.92, ((RGB / 255 + 0.055) / 1.055) ** 2.4)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def power_profile(description: str, gamma: float, space: bytes = b"RGB ") -> bytes:
    """An ICC profile (version 2), of grey or with sRGB's primaries, and a pure power curve."""

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = description.encode() + b"\0"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    tags = {b"desc": desc + bytes(-len(desc) % 4), b"wtpt": xyz(0.9642, 1.0, 0.8249)}
    tags |= {b"rXYZ": xyz(0.43607, 0.22249, 0.01392), b"gXYZ": xyz(0.38515, 0.71687, 0.09708)}
    tags |= {b"bXYZ": xyz(0.14307, 0.06061, 0.71410), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"kTRC": curve}
    at, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(content), len(data))
        content += data
    head = struct.pack(">I4sI4s4s4s", at + len(content), b"lcms", 0x02100000, b"mntr", space, b"XYZ ")
    head = (head + bytes(12) + b"acsp" + bytes(28) + xyz(0.9642, 1.0, 0.8249)[8:]).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + content


def large_profile() -> bytes:
    """sRGB's, with 1.6 MB that nobody reads, as scanners write them."""
    content = SRGB[4:] + os.urandom(1_600_000)
    return struct.pack(">I", 4 + len(content)) + content


@pytest.mark.parametrize("gamma", [1.0, 1.8])
@pytest.mark.parametrize("description", ["sRGB-elle-V2-g10.icc", "sRGB", "something"])
@pytest.mark.parametrize("extension", ["png", "webp", "tif"])
def test_a_curve_counts_and_not_a_name(tmp_path: Path, gamma: float, description: str, extension: str):
    encoded = np.rint(255 * LIGHT ** (1 / gamma)).astype(np.uint8)
    options = {"lossless": True} if extension == "webp" else {}
    profile = power_profile(description, gamma)
    Image.fromarray(encoded).save(tmp_path / f"a.{extension}", icc_profile=profile, **options)
    with open_image(tmp_path / f"a.{extension}") as image:
        luma = gray_photo(image).luma  # colouring sees the same
    pixels = read_image(tmp_path / f"a.{extension}")
    np.testing.assert_array_equal(luma, np.asarray(Image.fromarray(pixels).convert("L")))
    found = pixels.astype(int)
    assert abs(found.mean() - RGB.mean()) < 1
    assert np.abs(found - RGB)[RGB > 40].max() <= 4  # 8 bits of linear light are few in the shadows


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_counts(mode: str):
    image = Image.new("L", (8, 8), 55).convert(mode)
    image.info["icc_profile"] = power_profile("grey", 1.0, b"GRAY")
    luma, _, notes = gray_photo(image)
    assert notes == ()
    np.testing.assert_allclose(luma.astype(float), 128, atol=1.5)  # 255 (1.055 (55 / 255)^(1 / 2.4) − 0.055)


@pytest.mark.parametrize(
    ("profile", "named"),
    [(b"no profile", "cannot be read"), (power_profile("grey", 1.0, b"GRAY"), "for GRAY, not for RGB")],
)
def test_a_profile_that_cannot_be_used_is_ignored_with_a_note(profile: bytes, named: str):
    image = Image.fromarray(RGB)
    image.info["icc_profile"] = profile
    luma, _, (note,) = gray_photo(image)
    np.testing.assert_array_equal(luma, np.asarray(Image.fromarray(RGB).convert("L")))
    assert named in note


@pytest.mark.parametrize("description", ["sRGB", "IEC something", "Display"])
def test_srgb_by_any_name_changes_nothing(tmp_path: Path, description: str):
    profile = SRGB.replace("sRGB".encode("utf-16-be"), description[:4].encode("utf-16-be"))
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_large_profiles_and_texts_are_no_obstacle(tmp_path: Path, name: str):
    profile, text = large_profile(), PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    options = {"pnginfo": text} if name == "a.png" else {"quality": 100, "subsampling": 0}
    Image.fromarray(RGB).save(tmp_path / name, icc_profile=profile, **options)
    with open_image(tmp_path / name) as image:
        assert image.info["icc_profile"] == profile
    assert np.abs(read_image(tmp_path / name).astype(int) - RGB).max() <= 4
