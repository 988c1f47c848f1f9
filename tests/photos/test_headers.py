"""What the headers of files say of their pixels is honoured, or the file is refused by name, in both readers."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from faults.hostile import tiff
from PIL import Image, features

from pix2pix_jax.data.decode import read_image
from pix2pix_jax.data.pairs.files import read_header, read_pixels
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import heif_bits, jpeg2000_bits, open_image

LEVELS = np.linspace(0, 1, 64)[None] * np.linspace(0.3, 1, 48)[:, None]
WANTED = np.rint(255 * LEVELS)


def write(path: Path, dtype: str, photometric: str, compression: str | None, byteorder: str) -> Path:
    white = {"u": np.iinfo(dtype).max if dtype[0] == "u" else 1, "i": 32767, "f": 1}[dtype[0]]
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


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rgb_tiff_is_right_or_refused(tmp_path: Path, planar, dtype):
    white = np.iinfo(dtype).max
    values = np.rint(np.stack([LEVELS, 1 - LEVELS, LEVELS[::-1]], -1) * white).astype(dtype)
    planes = values if planar == "contig" else np.moveaxis(values, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig=planar)
    if (planar, dtype) == ("separate", np.uint16):
        with pytest.raises(ValueError, match="lie apart"):
            read_image(tmp_path / "a.tif")
    else:
        assert np.abs(read_image(tmp_path / "a.tif").astype(float) - values / white * 255).max() <= 1
    np.testing.assert_array_equal(np.asarray(read_pixels(tmp_path / "a.tif")), values)  # pairs keep all bits


def tags(bits: int, photometric: int = 1, **more: int) -> dict[int, tuple[int, int]]:
    size = {256: (4, 64), 257: (4, 48), 258: (3, bits), 259: (3, 1), 262: (3, photometric), 277: (3, 1), 278: (4, 48)}
    return size | {int(tag[1:]): (3, value) for tag, value in more.items()}


def twelve_bits() -> bytes:
    values = np.rint(LEVELS * 4095).astype(np.uint32)
    left, right = values[:, ::2], values[:, 1::2]
    return np.stack([left >> 4, ((left & 15) << 4) | (right >> 8), right & 255], -1).astype(np.uint8).tobytes()


def test_12_bits_of_tiff_are_as_bright_as_they_are(tmp_path: Path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(tags(12), twelve_bits()))
    assert np.abs(read_image(path)[..., 0] - WANTED).max() <= 1
    assert np.abs(np.asarray(read_pixels(path))[..., 0] - LEVELS * 65535).max() <= 16


def test_white_is_zero_in_pairs_too(tmp_path: Path):
    write(tmp_path / "a.tif", "u2", "miniswhite", None, "<")
    assert np.abs(np.asarray(read_pixels(tmp_path / "a.tif"))[..., 0] - LEVELS * 65535).max() <= 1


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (255, 2), (254, 4)])
@pytest.mark.parametrize("name", ["a.tif", "a.NEF", "a.jpg"])
def test_a_preview_is_no_photograph(tmp_path: Path, name, tag, value):
    (tmp_path / name).write_bytes(tiff(tags(8) | {tag: (3, value)}, bytes(64 * 48)))
    with pytest.raises(
        ValueError, match=r"preview of 64×48, as in a camera's raw file|a transparency mask|raw file is"
    ):
        read_image(tmp_path / name)


def deepened(path: Path, bits: int) -> Path:
    """A JPEG 2000 file of three channels whose codestream says that they have more bits than 8."""
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\x4f\xff\x51")
    assert struct.unpack_from(">H", data, start + 40) == (3,)
    for channel in range(3):
        data[start + 42 + 3 * channel] = bits - 1
    path.write_bytes(data)
    return path


def test_deep_jpeg2000(tmp_path: Path):
    Image.fromarray(np.rint(LEVELS * 65535).astype(np.uint16)).save(tmp_path / "gray.jp2")
    assert jpeg2000_bits(tmp_path / "gray.jp2") == 16
    assert np.abs(read_image(tmp_path / "gray.jp2")[..., 0] - WANTED).max() <= 1
    path = deepened(tmp_path / "colour.jp2", 12)
    assert jpeg2000_bits(path) == 12
    for read in (read_header, read_pixels):  # pairs keep all bits, or none
        with pytest.raises(UserError, match="several channels of 12 bits, of which Pillow keeps 8"):
            read(path)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow has no AVIF here")
@pytest.mark.parametrize(("flags", "bits"), [(0x40, 10), (0x60, 12)])
def test_deep_avif(flags: int, bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "colour.avif"
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    assert heif_bits(path) == 8
    read_header(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"av1C") + 6] |= flags
    (tmp_path / "deep.avif").write_bytes(data)
    assert heif_bits(tmp_path / "deep.avif") == bits
    # Pillow writes none, and takes none whose pixels are not as deep as it says.
    monkeypatch.setattr("pix2pix_jax.data.pairs.files.heif_bits", lambda path: bits)
    with pytest.raises(UserError, match=f"several channels of {bits} bits, of which Pillow keeps 8"):
        read_header(path)


@pytest.mark.parametrize("content", [b"", b"av1C", b"av1C\x81\x00", b"hvcC", b"hvcC" + bytes(17)])
def test_what_is_cut_off_before_its_depth_has_8_bits(content: bytes, tmp_path: Path):
    (tmp_path / "a.heic").write_bytes(content)
    assert heif_bits(tmp_path / "a.heic") == 8


def test_deep_heic(tmp_path: Path):
    (tmp_path / "a.heic").write_bytes(b"ftypheic" + b"hvcC" + bytes(17) + b"\xfa" + bytes(5))
    assert heif_bits(tmp_path / "a.heic") == 10
