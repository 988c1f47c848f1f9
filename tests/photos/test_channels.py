"""Images of any depth and number of channels, to the bit."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import save_image
from PIL import ExifTags, Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import read_header, read_pixels, to_channels

SIZE = (5, 7)


def values(channels: int, dtype: type) -> np.ndarray:
    """[5, 7, channels] that use all bits."""
    random = np.random.default_rng(channels)
    if np.issubdtype(dtype, np.floating):
        return random.random((*SIZE, channels)).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, (*SIZE, channels), endpoint=True).astype(dtype)


def read(path: Path, channels: int, *, indices: bool = False) -> np.ndarray:
    """The pixels, after a look whether the header says the same."""
    header = read_header(path)
    found = to_channels(read_pixels(path), channels, indices=indices)
    assert found.shape == (header.height, header.width, channels)
    assert found.dtype == header.kind.depth
    assert header.kind.can_give(channels)
    return found


@pytest.mark.parametrize(
    ("extension", "channels", "dtype"),
    [
        *[("png", channels, np.uint8) for channels in (1, 3, 4)],
        *[("png", channels, np.uint16) for channels in (1, 2, 3, 4)],
        *[("tif", channels, dtype) for channels in (1, 2, 3, 4, 5) for dtype in (np.uint8, np.uint16, np.float32)],
        *[("tif", channels, np.float16) for channels in (1, 3)],
        *[("npy", channels, dtype) for channels in (1, 3, 7) for dtype in (np.uint8, np.uint16, np.float32)],
    ],
)
def test_every_bit_comes_back(tmp_path: Path, extension: str, channels: int, dtype: type) -> None:
    wanted = values(channels, dtype)
    path = save_image(tmp_path / f"x.{extension}", wanted[..., 0] if channels == 1 else wanted)
    found = read(path, channels)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pages_and_planes_of_tiff_are_channels(tmp_path: Path, dtype: type) -> None:
    wanted = values(5, dtype)
    planes = np.moveaxis(wanted, -1, 0).copy()
    tifffile.imwrite(tmp_path / "pages.tif", planes, photometric="minisblack")
    tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="minisblack", planarconfig="separate")
    for name in ("pages.tif", "planes.tif"):
        np.testing.assert_array_equal(read(tmp_path / name, 5), wanted)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    for channels, photometric in ((1, "minisblack"), (3, "rgb")):
        wanted = values(channels, np.uint16).squeeze()
        tifffile.imwrite(tmp_path / "x.tif", wanted, photometric=photometric, compression=compression)
        np.testing.assert_array_equal(read(tmp_path / "x.tif", channels).squeeze(), wanted)
    tifffile.imwrite(tmp_path / "x.tif", values(3, np.uint16), photometric="rgb", compression="jpeg2000")
    with pytest.raises(UserError, match=r"x.tif.*without, or with deflate or LZW"):
        read_pixels(tmp_path / "x.tif")


def test_eight_bits_become_gray_or_rgb_as_asked(tmp_path: Path) -> None:
    rgb = values(3, np.uint8)
    path = save_image(tmp_path / "x.png", rgb)
    np.testing.assert_array_equal(read(path, 1)[..., 0], np.asarray(Image.fromarray(rgb).convert("L")))
    gray = save_image(tmp_path / "gray.png", rgb[..., 0])
    np.testing.assert_array_equal(read(gray, 3), np.repeat(rgb[..., :1], 3, -1))
    array = save_image(tmp_path / "x.npy", rgb)
    np.testing.assert_array_equal(read(array, 1), read(path, 1))


def test_transparent_parts_lie_on_white_unless_four_channels_are_wanted(tmp_path: Path) -> None:
    rgba = values(4, np.uint8)
    rgba[0, :, 3] = 0
    path = save_image(tmp_path / "x.png", rgba)
    assert (read(path, 3)[0] == 255).all()
    assert (read(path, 1)[0] == 255).all()
    np.testing.assert_array_equal(read(path, 4), rgba)


def test_palettes_become_colours_or_keep_their_indices(tmp_path: Path) -> None:
    labels = np.arange(35, dtype=np.uint8).reshape(SIZE) % 4
    image = Image.fromarray(labels, "L").convert("P")
    image.putdata(labels.ravel().tolist())
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read(tmp_path / "x.png", 1, indices=True)[..., 0], labels)
    rgb = read(tmp_path / "x.png", 3)
    assert rgb[0, :4].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]
    np.testing.assert_array_equal(read(tmp_path / "x.png", 1)[..., 0], np.asarray(Image.fromarray(rgb).convert("L")))


def test_photographs_held_sideways_are_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for name in ("x.jpg", "x.png", "x.tif"):
        Image.effect_noise((30, 20), 50).convert("RGB").save(tmp_path / name, exif=exif)
        assert read_header(tmp_path / name)[:2] == (30, 20)
        read(tmp_path / name, 3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("whole.tif", values(1, np.int32)[..., 0], "holds int32 values"),
        ("whole.npy", values(1, np.int64), "holds int64 values; wanted 8 or 16 bits"),
        ("unsigned.tif", values(1, np.uint32)[..., 0], "holds uint32 values"),
        ("signed.tif", values(1, np.int16)[..., 0], "holds int16 values"),
        ("film.npy", np.zeros((2, 5, 7, 3), np.uint8), r"holds values of shape \(2, 5, 7, 3\)"),
        ("deep.ppm", b"P6 7 5 65535\n" + values(3, np.uint16).tobytes(), "colours up to 65535"),
    ],
)
def test_what_nothing_is_known_of_is_refused_by_name(
    tmp_path: Path, name: str, content: np.ndarray | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else save_image(path, content)
    with pytest.raises(UserError, match=rf"{name}.*{message}"):
        read_header(path)
