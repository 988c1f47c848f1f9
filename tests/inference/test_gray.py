"""What is taken from images of every kind: luma, transparency, orientation."""

import io
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, ImageCms

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import pixels

RGB = smooth_images(1, 48)[0][:32]
LUMA = RGB @ LUMA_WEIGHTS


def stored(image: Image.Image, file_format: str, **options) -> Image.Image:
    """The image as it comes back from a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return Image.open(buffer)


@pytest.mark.parametrize(
    ("mode", "tolerance"),
    [("RGB", 0.51), ("L", 0.51), ("RGBA", 0.51), ("YCbCr", 2.0), ("CMYK", 0.51), ("HSV", 6.0), ("LAB", 7.0)],
)
def test_luma_of_modes(mode, tolerance):
    image = Image.fromarray(RGB)
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = to_lab.apply(image)
    photo = gray_photo(image if mode == "LAB" else image.convert(mode))
    assert photo.luma.dtype == np.uint8
    np.testing.assert_allclose(photo.luma.astype(float), LUMA, atol=tolerance)
    assert photo.notes == ()
    assert (photo.alpha is not None) == (mode == "RGBA")


def test_palette():
    image = Image.fromarray(RGB).quantize(16)
    expected = np.asarray(image.convert("RGB")) @ LUMA_WEIGHTS
    np.testing.assert_allclose(gray_photo(image).luma.astype(float), expected, atol=0.51)


def test_palette_with_transparency():
    image = Image.fromarray(RGB).quantize(16)
    alpha = bytes(range(0, 256, 16))
    photo = gray_photo(stored(image, "PNG", transparency=alpha))
    np.testing.assert_array_equal(photo.alpha, 16 * np.asarray(image))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_alpha_is_taken(mode):
    alpha = np.arange(RGB[..., 0].size, dtype=np.uint8).reshape(RGB.shape[:2])
    image = Image.fromarray(RGB).convert({"PA": "P", "LA": "L"}.get(mode, "RGB")).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    assert image.mode == mode
    np.testing.assert_array_equal(gray_photo(image).alpha, alpha)


def test_transparent_colour_of_16_bit_gray():
    image = stored(Image.fromarray(DEEP), "PNG", transparency=257)
    photo = gray_photo(image)
    assert photo.luma.tolist() == [[0, 1, 128, 255]]
    assert photo.alpha is not None
    assert photo.alpha.shape == photo.luma.shape


def test_multiplied_alpha_is_divided_out():
    image = Image.fromarray(np.full((4, 4, 4), (200, 200, 200, 128), np.uint8)).convert("RGBa")
    photo = gray_photo(image)
    np.testing.assert_allclose(photo.luma.astype(float), 200, atol=1)
    assert photo.alpha is not None
    assert (photo.alpha == 128).all()


def test_one_bit():
    image = Image.fromarray(RGB).convert("1")
    assert np.array_equal(gray_photo(image).luma, 255 * np.asarray(image).astype(np.uint8))


def test_adobe_cmyk_jpeg():
    # As Photoshop writes it: inverted, which Pillow undoes, and also writes.
    image = stored(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=100, subsampling=0)
    assert (image.mode, "adobe" in image.info) == ("CMYK", True)
    np.testing.assert_allclose(gray_photo(image).luma.astype(float), LUMA, atol=4)


DEEP = np.array([[0, 257, 128 * 257, 65535]], np.uint16)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_gray(big_endian, file_format):
    image = Image.fromarray(DEEP.astype(">u2" if big_endian else "<u2"))
    assert image.mode == ("I;16B" if big_endian else "I;16")
    assert gray_photo(image).luma.tolist() == [[0, 1, 128, 255]]
    assert gray_photo(stored(image, file_format)).luma.tolist() == [[0, 1, 128, 255]]


def test_16_bit_pgm(tmp_path: Path):
    (tmp_path / "a.pgm").write_bytes(b"P5 4 1 65535\n" + DEEP.astype(">u2").tobytes())
    with Image.open(tmp_path / "a.pgm") as image:
        assert gray_photo(image).luma.tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.2, 1.0], [0, 51, 255]),
        ([0.0, 51.0, 200.0], [0, 51, 200]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, np.nan, 1.0], [0, 0, 255]),
        ([7e5, 7e5, 7e5], [0, 0, 0]),
    ],
)
def test_floating_point(values, expected):
    image = stored(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert image.mode == "F"
    assert gray_photo(image).luma.tolist() == [expected]


def test_32_bit_integers():
    assert gray_photo(Image.fromarray(np.array([[0, 257, 65535]], np.int32))).luma.tolist() == [[0, 1, 255]]
    assert gray_photo(Image.fromarray(np.array([[0, 50_000, 100_000]], np.int32))).luma.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    alpha = np.arange(RGB[..., 0].size, dtype=np.uint8).reshape(RGB.shape[:2])
    image = Image.fromarray(RGB)
    image.putalpha(Image.fromarray(alpha))
    photo = gray_photo(stored(image, "PNG", exif=exif))
    turned = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.T}
    turned |= {6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90}
    np.testing.assert_array_equal(photo.alpha, turned[orientation](alpha))
    np.testing.assert_allclose(photo.luma.astype(float), turned[orientation](LUMA), atol=0.51)


def profile_bytes(profile) -> bytes:
    return ImageCms.ImageCmsProfile(profile).tobytes()


def linear_profile(space: bytes) -> bytes:
    """An ICC v2 profile, matrix or grey, whose tone curve is the identity: mid-grey is lighter than in sRGB."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in values)

    curve = b"curv\0\0\0\0\0\0\0\0"
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\x07linear\0" + bytes(79), b"wtpt": xyz(0.9642, 1.0, 0.8249)}
    tags |= {b"cprt": b"text\0\0\0\0none\0"}
    if space == b"GRAY":
        tags |= {b"kTRC": curve}
    else:
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
        tags |= {b"rXYZ": xyz(0.4361, 0.2225, 0.0139), b"gXYZ": xyz(0.3851, 0.7169, 0.0971)}
        tags |= {b"bXYZ": xyz(0.1431, 0.0606, 0.7141)}
    table, body, start = len(tags).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data + bytes(-len(data) % 4)
    header = (start + len(body)).to_bytes(4, "big") + bytes(4) + b"\x02\x10\0\0mntr" + space + b"XYZ " + bytes(12)
    header += b"acsp" + bytes(28) + xyz(0.9642, 1.0, 0.8249)[8:] + bytes(48)
    return header + table + body


@pytest.mark.parametrize(("mode", "space"), [("L", b"GRAY"), ("LA", b"GRAY"), ("L", b"RGB "), ("RGB", b"RGB ")])
def test_profile_is_honoured(mode, space):
    image = Image.new("L", (8, 8), 55).convert(mode)
    image.info["icc_profile"] = linear_profile(space)
    photo = gray_photo(image)
    assert photo.notes == ()
    # sRGB: 1.055 · (55 / 255)^(1 / 2.4) − 0.055
    np.testing.assert_allclose(photo.luma.astype(float), 128, atol=1.5)


def test_srgb_profile_changes_nothing():
    image = Image.fromarray(RGB)
    image.info["icc_profile"] = profile_bytes(ImageCms.createProfile("sRGB"))
    np.testing.assert_array_equal(gray_photo(image).luma, gray_photo(Image.fromarray(RGB)).luma)


@pytest.mark.parametrize(
    ("mode", "profile", "note"),
    [
        ("RGB", b"no profile", "cannot be read, and is ignored"),
        ("RGB", linear_profile(b"RGB ")[:200], "cannot be read, and is ignored"),
        ("RGB", linear_profile(b"GRAY"), "is for GRAY, not for RGB pixels, and is ignored"),
    ],
)
def test_broken_profile_is_ignored_with_a_note(mode, profile, note):
    image = Image.fromarray(RGB).convert(mode)
    image.info["icc_profile"] = profile
    photo = gray_photo(image)
    np.testing.assert_allclose(photo.luma.astype(float), LUMA, atol=0.51)
    assert [note in text for text in photo.notes] == [True]


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "I;16", "CMYK", "LA"])
def test_bands_make_no_difference(mode, monkeypatch):
    image = Image.fromarray(RGB)
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    whole = gray_photo(image)
    monkeypatch.setattr(pixels, "_BAND_PIXELS", 5 * image.width)
    np.testing.assert_array_equal(gray_photo(image).luma, whole.luma)
