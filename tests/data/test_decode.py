"""Image files of many kinds, made here, and the pixels they must turn into."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from pix2pix_jax.photos import open_image, read_image

# Four quarters, so that every one of the eight ways to hold a camera looks different.
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 200, 30), (30, 30, 200), (240, 240, 240)


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return pixels


def assert_close(pixels: np.ndarray, wanted: np.ndarray, tolerance: int) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == wanted.shape
    # JPEG rings where colours meet: compare the middles of the quarters.
    height, width = wanted.shape[:2]
    for row in (height // 4, 3 * height // 4):
        for column in (width // 4, 3 * width // 4):
            difference = pixels[row, column].astype(int) - wanted[row, column].astype(int)
            assert abs(difference).max() <= tolerance


# What the pixels on file must go through to be upright, for EXIF orientations 1 to 8.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, extension: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"photo.{extension}"
    Image.fromarray(quarters()).save(path, exif=exif, quality=95)
    assert_close(read_image(path), UPRIGHT[orientation](quarters()), tolerance=8)


def test_rgb_png_is_exact(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), pixels)


def test_palette(tmp_path: Path) -> None:
    Image.fromarray(quarters()).quantize(4).save(tmp_path / "photo.png")
    with open_image(tmp_path / "photo.png") as image:
        assert image.mode == "P"
    assert_close(read_image(tmp_path / "photo.png"), quarters(), tolerance=2)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "photo.jpg", quality=95)
    with open_image(tmp_path / "photo.jpg") as image:
        assert image.mode == "CMYK"
    assert_close(read_image(tmp_path / "photo.jpg"), quarters(), tolerance=8)


def test_gray_becomes_three_equal_channels(tmp_path: Path) -> None:
    luma = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    Image.fromarray(luma).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), np.dstack([luma] * 3))


def test_16_bit_gray_is_scaled_not_clipped(tmp_path: Path) -> None:
    luma = np.array([[0, 257], [128 * 257, 65535]], np.uint16)
    Image.fromarray(luma).save(tmp_path / "photo.png")
    wanted = np.array([[0, 1], [128, 255]], np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), np.dstack([wanted] * 3))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bit_pixels_span_the_whole_range(tmp_path: Path, dtype: type) -> None:
    Image.fromarray(np.array([[-1, 1], [0, 1]], dtype)).save(tmp_path / "photo.tif")
    wanted = np.array([[0, 255], [128, 255]], np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.tif"), np.dstack([wanted] * 3))


def test_32_bit_pixels_of_one_value(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 7, np.int32)).save(tmp_path / "photo.tif")
    assert not read_image(tmp_path / "photo.tif").any()


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), [[[10, 20, 30], [255, 255, 255]]])


def test_transparent_palette_entry_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "photo.png", transparency=b"\xff\x00")
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), [[[10, 20, 30], [255, 255, 255]]])


def test_large_jpeg_is_reduced_while_decoding_but_not_below_twice_the_wanted_side(
    tmp_path: Path,
) -> None:
    Image.fromarray(quarters(960, 1280)).save(tmp_path / "photo.jpg")
    assert_close(read_image(tmp_path / "photo.jpg", 112), quarters(240, 320), tolerance=8)
    assert read_image(tmp_path / "photo.jpg", 300).shape == (960, 1280, 3)
    assert read_image(tmp_path / "photo.jpg").shape == (960, 1280, 3)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in (RED, GREEN)]
    frames[0].save(tmp_path / "photo.gif", save_all=True, append_images=frames[1:])
    assert_close(read_image(tmp_path / "photo.gif"), np.full((4, 4, 3), RED, np.uint8), 4)


def test_damaged_exif_does_not_cost_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(quarters()).save(path, exif=b"Exif\x00\x00garbage, not TIFF")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(read_image(path), quarters())


def test_wrong_extension_is_opened_all_the_same(tmp_path: Path) -> None:
    Image.fromarray(quarters()).save(tmp_path / "photo.jpg", format="PNG")
    with open_image(tmp_path / "photo.jpg") as image:
        assert image.format == "PNG"


def test_truncated_file_is_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.effect_noise((64, 64), 50).save(whole)
    (tmp_path / "half.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(OSError, match="truncated"):
        read_image(tmp_path / "half.jpg")
