"""What is taken from images of every kind: luma and transparency."""

import io

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, ImageCms

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference.gray import gray_photo

RGB = smooth_images(1, 48)[0][:32]
LUMA = RGB @ LUMA_WEIGHTS


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
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 257, 128 * 257, 65535]], np.uint16)).save(file, "PNG", transparency=257)
    photo = gray_photo(Image.open(file))
    assert photo.luma.tolist() == [[0, 1, 128, 255]]
    assert photo.alpha is not None
    assert photo.alpha.tolist() == [[255, 0, 255, 255]]
