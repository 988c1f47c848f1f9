"""Files of photographs: what is read and kept of them, and that they are written whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, features

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.photo_files import write_photo
from pix2pix_jax.photos import name_to_write

PHOTO = Image.fromarray(smooth_images(1, 24)[0])


def with_alpha() -> Image.Image:
    image = PHOTO.copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@pytest.mark.parametrize(
    ("name", "alpha", "expected"),
    [
        ("b/a.jpg", False, "b/a.jpg"),
        ("a.jpg", True, "a.png"),
        ("b/a.gif", False, "b/a.png"),
        ("a.pgm", False, "a.png"),
        ("a.heic", False, "a.png"),
        ("Paris 12.05.1944", False, "Paris 12.05.1944.png"),
    ],
)
def test_names(name: str, alpha: bool, expected: str):
    assert name_to_write(Path(name), alpha) == Path(expected)


LOSSLESS = ("png", "apng", "tif", "tiff", "bmp", "tga", "vda", "ppm", "pnm", "jp2", "j2k")
LOSSY = ("jpg", "jpeg", "jfif", "jpe", "webp", "avif")


@pytest.mark.parametrize("extension", LOSSLESS + LOSSY)
def test_written_in_the_format_of_its_name(tmp_path: Path, extension: str):
    if extension == "avif" and not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    image = with_alpha() if name_to_write(Path(f"a.{extension}"), True).suffix == f".{extension}" else PHOTO
    path = tmp_path / "new" / f"a.{extension}"
    write_photo(image, path, {}, overwrite=False)
    with Image.open(path) as read:
        assert read.mode == image.mode
        difference = np.abs(np.asarray(read).astype(int) - np.asarray(image))
        assert difference.mean() <= (0 if extension in LOSSLESS else 10)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_jpeg_keeps_colour_at_full_resolution(tmp_path: Path):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (200, 60, 60)
    stripes[:, 1::2] = (60, 60, 200)
    write_photo(Image.fromarray(stripes), tmp_path / "a.jpg", {}, overwrite=False)
    with Image.open(tmp_path / "a.jpg") as read:
        np.testing.assert_allclose(np.asarray(read).astype(int), stripes, atol=12)


def test_nothing_is_overwritten_unless_that_is_wanted(tmp_path: Path):
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")
    with pytest.raises(UserError, match="is there already: give --overwrite"):
        write_photo(PHOTO, target, {}, overwrite=False)
    assert target.read_bytes() == b"precious"
    write_photo(PHOTO, target, {}, overwrite=True)
    with Image.open(target) as read:
        assert read.size == PHOTO.size
    (tmp_path / "link.png").symlink_to(target)
    write_photo(with_alpha(), tmp_path / "link.png", {}, overwrite=True)
    with Image.open(target) as read:
        assert read.mode == "RGB"  # a link is replaced, not followed
    assert sorted(os.listdir(tmp_path)) == ["a.png", "link.png"]
