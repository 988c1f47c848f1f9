"""What is taken from images of every kind: luma, transparency, orientation."""

import io

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, ImageCms

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference.gray import gray_photo

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


DEEP = np.array([[0, 257, 128 * 257, 65535]], np.uint16)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("file_format", [None, "PNG", "TIFF"])
def test_16_bit_gray(dtype, file_format):
    image = Image.fromarray(DEEP.astype(dtype))
    assert gray_photo(stored(image, file_format) if file_format else image).luma.tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.2, 1.0], [0, 51, 255]),
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


@pytest.mark.parametrize("white", [65535, 100_000])
def test_32_bit_integers(white):
    assert gray_photo(Image.fromarray(np.array([[0, white // 4, white]], np.int32))).luma.tolist() == [[0, 64, 255]]


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


def gray_profile() -> bytes:
    """An ICC v2 profile of grey whose tone curve is the identity: mid-grey is lighter than in sRGB."""
    white = b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.9642, 1.0, 0.8249))
    tags = {b"wtpt": b"XYZ \0\0\0\0" + white, b"kTRC": b"curv" + bytes(8)}
    table, body, start = len(tags).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    header = (start + len(body)).to_bytes(4, "big") + bytes(4) + b"\x02\x10\0\0mntrGRAYXYZ " + bytes(12)
    return header + b"acsp" + bytes(28) + white + bytes(48) + table + body


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_honoured(mode):
    image = Image.new("L", (8, 8), 55).convert(mode)
    image.info["icc_profile"] = gray_profile()
    photo = gray_photo(image)
    assert photo.notes == ()
    # sRGB: 1.055 · (55 / 255)^(1 / 2.4) − 0.055
    np.testing.assert_allclose(photo.luma.astype(float), 128, atol=1.5)


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        (b"no profile", "cannot be read, and is ignored"),
        (gray_profile(), "is for GRAY, not for RGB pixels, and is ignored"),
    ],
)
def test_a_profile_that_cannot_be_used_is_ignored_with_a_note(profile, note):
    image = Image.fromarray(RGB)
    image.info["icc_profile"] = profile
    photo = gray_photo(image)
    np.testing.assert_allclose(photo.luma.astype(float), LUMA, atol=0.51)
    assert [note in text for text in photo.notes] == [True]
