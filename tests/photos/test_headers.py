"""What the headers of files say of their pixels is honoured, or the file is refused by name, in both readers."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from faults.hostile import size, tiff
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import open_image, read_header, read_image, read_pixels

LEVELS = np.linspace(0, 1, 64)[None] * np.linspace(0.3, 1, 48)[:, None]
WANTED = np.rint(255 * LEVELS)


def write(path: Path, dtype: str, photometric: str, compression: str | None, byteorder: str) -> Path:
    white = 1 if dtype[0] == "f" else np.iinfo(dtype).max
    values = LEVELS if photometric == "minisblack" else 1 - LEVELS
    values = values * white if dtype[0] == "f" else np.rint(values * white)
    tifffile.imwrite(
        path,
        values.astype(np.dtype(dtype).newbyteorder(byteorder)),
        photometric=photometric,
        compression=compression,
        byteorder=byteorder,
    )
    return path


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "f2", "f4", "f8"])
def test_gray_tiff_is_right_or_refused(tmp_path: Path, dtype, photometric, compression, byteorder):
    path = write(tmp_path / "a.tif", dtype, photometric, compression, byteorder)
    refused, pixels = "", np.zeros(0)
    try:
        pixels = read_image(path)
    except Exception as error:  # Pillow's plugins do not agree on a type
        refused = str(error)
    if refused:
        assert (dtype, byteorder) not in (("u1", "<"), ("u1", ">"), ("u2", "<"))
        assert "save it" in refused
        return
    assert np.abs(pixels - WANTED[..., None]).max() <= 1
    with open_image(path) as image:
        np.testing.assert_array_equal(gray_photo(image).luma, pixels[..., 0])
    if dtype == "u2":  # pairs keep all bits
        assert np.abs(np.asarray(read_pixels(path))[..., 0] - LEVELS * 65535).max() <= 1


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rgb_tiff_is_right_or_refused(tmp_path: Path, planar, dtype):
    white = np.iinfo(dtype).max
    values = np.rint(np.stack([LEVELS, 1 - LEVELS, LEVELS[::-1]], -1) * white).astype(dtype)
    planes = values if planar == "contig" else np.moveaxis(values, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig=planar)
    assert np.abs(read_image(tmp_path / "a.tif").astype(float) - values / white * 255).max() <= 1
    np.testing.assert_array_equal(np.asarray(read_pixels(tmp_path / "a.tif")), values)  # pairs keep all bits


def twelve_bits() -> bytes:
    values = np.rint(LEVELS * 4095).astype(np.uint32)
    left, right = values[:, ::2], values[:, 1::2]
    return np.stack([left >> 4, ((left & 15) << 4) | (right >> 8), right & 255], -1).astype(np.uint8).tobytes()


def test_12_bits_of_tiff_are_as_bright_as_they_are(tmp_path: Path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(size(64, 48, 12), twelve_bits()))
    assert np.abs(read_image(path)[..., 0] - WANTED).max() <= 1
    assert np.abs(np.asarray(read_pixels(path))[..., 0] - LEVELS * 65535).max() <= 16


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (255, 2), (254, 4)])
@pytest.mark.parametrize("name", ["a.tif", "a.NEF", "a.jpg"])
def test_a_preview_is_no_photograph(tmp_path: Path, name, tag, value):
    (tmp_path / name).write_bytes(tiff(size(64, 48) | {tag: (3, value)}, bytes(64 * 48)))
    with pytest.raises(
        ValueError, match=r"preview of 64×48, as in a camera's raw file|a transparency mask|raw file is"
    ):
        read_image(tmp_path / name)


def test_deep_jpeg2000(tmp_path: Path):
    Image.fromarray(np.rint(LEVELS * 65535).astype(np.uint16)).save(tmp_path / "gray.jp2")
    assert np.abs(read_image(tmp_path / "gray.jp2")[..., 0] - WANTED).max() <= 1
    assert np.abs(np.asarray(read_pixels(tmp_path / "gray.jp2"))[..., 0] - LEVELS * 65535).max() <= 1
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "colour.jp2")
    for read in (read_header, read_pixels):  # Pillow would keep 8 bits of more, and does not say
        with pytest.raises(UserError, match="JPEG 2000 in colour"):
            read(tmp_path / "colour.jp2")


def test_each_page_of_a_deep_tiff_is_its_own(tmp_path: Path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (LEVELS, 1 - LEVELS):
            file.write(np.rint(page * 65535).astype(np.uint16), photometric="minisblack")
    with open_image(tmp_path / "a.tif") as image:
        for page, wanted in enumerate((WANTED, 255 - WANTED)):
            image.seek(page)
            assert np.abs(gray_photo(image).luma - wanted).max() <= 1
