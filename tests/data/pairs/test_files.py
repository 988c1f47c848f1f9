"""Images of any depth and number of channels, to the bit."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import save_image
from PIL import ExifTags, Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import Header, Kind, read_header, read_pixels, to_channels

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


def test_wide_floats_and_truth_values(tmp_path: Path) -> None:
    wide = values(1, np.float64)
    np.testing.assert_array_equal(read(save_image(tmp_path / "x.npy", wide), 1), wide.astype(np.float32))
    truth = values(1, np.uint8) > 99
    np.testing.assert_array_equal(read(save_image(tmp_path / "y.npy", truth), 1), 255 * truth)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pages_and_planes_of_tiff_are_channels(tmp_path: Path, dtype: type) -> None:
    wanted = values(5, dtype)
    planes = np.moveaxis(wanted, -1, 0).copy()
    tifffile.imwrite(tmp_path / "pages.tif", planes, photometric="minisblack")
    tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="minisblack", planarconfig="separate")
    tifffile.imwrite(tmp_path / "plain.tif", values(3, dtype).repeat(2, 0), photometric="minisblack")
    np.testing.assert_array_equal(read(tmp_path / "pages.tif", 5), wanted)
    np.testing.assert_array_equal(read(tmp_path / "planes.tif", 5), wanted)
    np.testing.assert_array_equal(read(tmp_path / "plain.tif", 3), values(3, dtype).repeat(2, 0))


def test_imagej_channels(tmp_path: Path) -> None:
    wanted = values(4, np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(wanted, -1, 0), imagej=True, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(read(tmp_path / "x.tif", 4), wanted)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    gray = values(1, np.uint16)[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read(tmp_path / "gray.tif", 1)[..., 0], gray)
    rgb = values(3, np.uint16)
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb", compression=compression)
    np.testing.assert_array_equal(read(tmp_path / "rgb.tif", 3), rgb)


def test_another_compression_of_deep_colours_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", values(3, np.uint16), photometric="rgb", compression="jpeg2000")
    assert read_header(tmp_path / "rgb.tif").kind.depth == "uint16"
    with pytest.raises(UserError, match=r"rgb.tif.*without, or with deflate or LZW"):
        read_pixels(tmp_path / "rgb.tif")


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


def test_headers_say_what_is_there(tmp_path: Path) -> None:
    assert read_header(save_image(tmp_path / "x.png", values(4, np.uint8))) == Header(5, 7, Kind(4, 3, "uint8"))
    assert read_header(save_image(tmp_path / "y.png", values(3, np.uint16))) == Header(5, 7, Kind(3, 3, "uint16"))
    assert read_header(save_image(tmp_path / "z.npy", values(6, np.float32))) == Header(5, 7, Kind(6, 6, "float32"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whole.tif", "holds int32 values"),
        ("whole.npy", "holds int64 values; wanted 8 or 16 bits"),
        ("unsigned.tif", "holds uint32 values"),
        ("signed.tif", "holds int16 values"),
        ("film.npy", r"holds values of shape \(2, 5, 7, 3\); wanted \[height, width\]"),
        ("film.tif", r"holds values of shape \(2, 5, 7, 3\); wanted \[height, width\]"),
        ("deep.ppm", "colours up to 65535"),
    ],
)
def test_what_nothing_is_known_of_is_refused_by_name(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    if name == "deep.ppm":
        path.write_bytes(b"P6 7 5 65535\n" + values(3, np.uint16).tobytes())
    elif name == "film.tif":
        tifffile.imwrite(path, np.stack([values(3, np.uint8)] * 2), photometric="rgb")
    else:
        contents = {
            "whole.tif": values(1, np.int32)[..., 0],
            "unsigned.tif": values(1, np.uint32)[..., 0],
            "whole.npy": values(1, np.int64),
            "signed.tif": values(1, np.int16)[..., 0],
            "film.npy": np.zeros((2, 5, 7, 3), np.uint8),
        }
        save_image(path, contents[name])
    with pytest.raises(UserError, match=rf"{name}.*{message}"):
        read_header(path)


@pytest.mark.parametrize("name", ["text.jpg", "text.npy", "text.tif", "empty.png", "pickle.npy"])
def test_damaged_files_raise(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("" if name == "empty.png" else "not an image")
    if name == "pickle.npy":
        np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(Exception, match=r".") as caught:
        read_header(path)
    assert not isinstance(caught.value, UserError)
