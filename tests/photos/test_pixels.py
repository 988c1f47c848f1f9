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
    rows, columns = (np.array([side // 4, 3 * side // 4]) for side in wanted.shape[:2])
    np.testing.assert_allclose(pixels[rows[:, None], columns], wanted[rows[:, None], columns], atol=tolerance)


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


@pytest.mark.parametrize(
    ("mode", "extension", "tolerance"), [("RGB", "png", 0), ("P", "png", 2), ("P", "gif", 2), ("CMYK", "jpg", 8)]
)
def test_modes_of_colour(tmp_path: Path, mode: str, extension: str, tolerance: int) -> None:
    path = tmp_path / f"photo.{extension}"
    image = Image.fromarray(quarters())
    (image.quantize(4) if mode == "P" else image.convert(mode)).save(path, quality=95)
    with open_image(path) as image:
        assert image.mode == mode
    assert_close(read_image(path), quarters(), tolerance)


@pytest.mark.parametrize(
    ("values", "extension", "wanted"),
    [
        (np.array([[0, 20], [128, 255]], np.uint8), "png", [[0, 20], [128, 255]]),
        (np.array([[0, 257], [128 * 257, 65535]], np.uint16), "png", [[0, 1], [128, 255]]),
        (np.array([[0, 257], [128 * 257, 65535]], ">u2"), "tif", [[0, 1], [128, 255]]),
        (np.array([[-1, 1], [0, 1]], np.int32), "tif", [[0, 255], [128, 255]]),
        (np.array([[0, 25_000], [50_000, 100_000]], np.int32), "tif", [[0, 64], [128, 255]]),
        (np.full((2, 2), 7, np.int32), "tif", [[0, 0], [0, 0]]),
        (np.array([[-1, 1], [0, 1]], np.float32), "tif", [[0, 255], [128, 255]]),
        (np.array([[0, 0.2], [0.5, 1]], np.float32), "tif", [[0, 51], [128, 255]]),
        (np.array([[0, 257], [128 * 257, 65535]], np.float32), "tif", [[0, 1], [128, 255]]),
        (np.array([[0, np.nan], [0, 1]], np.float32), "tif", [[0, 0], [0, 255]]),
        (np.full((2, 2), 7e5, np.float32), "tif", [[0, 0], [0, 0]]),
    ],
)
def test_gray_becomes_three_equal_channels_scaled_and_not_clipped(
    tmp_path: Path, values: np.ndarray, extension: str, wanted: list[list[int]]
) -> None:
    Image.fromarray(values).save(tmp_path / f"photo.{extension}")
    np.testing.assert_array_equal(read_image(tmp_path / f"photo.{extension}"), np.dstack([wanted] * 3))


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "palette.png", transparency=b"\xff\x00")
    for name in ("rgba.png", "palette.png"):
        np.testing.assert_array_equal(read_image(tmp_path / name), [[[10, 20, 30], [255, 255, 255]]])


def test_large_jpeg_is_reduced_while_decoding_but_not_below_twice_the_wanted_side(tmp_path: Path) -> None:
    Image.fromarray(quarters(960, 1280)).save(tmp_path / "photo.jpg")
    assert_close(read_image(tmp_path / "photo.jpg", 112), quarters(240, 320), tolerance=8)
    assert read_image(tmp_path / "photo.jpg", 300).shape == (960, 1280, 3)
    assert read_image(tmp_path / "photo.jpg").shape == (960, 1280, 3)


def test_neither_damaged_exif_nor_a_wrong_extension_costs_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(quarters()).save(path, format="PNG", exif=b"Exif\x00\x00garbage, not TIFF")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(read_image(path), quarters())
