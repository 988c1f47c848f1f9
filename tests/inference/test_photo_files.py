"""Files of photographs: what is read and kept of them, and that they are written whole or not at all."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import smooth_images
from PIL import ExifTags, Image, features

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import photo_files
from pix2pix_jax.inference.photo_files import reading, target_within, write_photo
from pix2pix_jax.photos import metadata_to_keep, name_to_write

PHOTO = Image.fromarray(smooth_images(1, 24)[0])


def with_alpha() -> Image.Image:
    image = PHOTO.copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a"])
def test_no_image_is_one_line(tmp_path: Path, content: bytes, name: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"a[.a-z]* cannot be read: ") as raised, reading(tmp_path / name) as image:
        image.load()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
def test_truncated_file_is_one_line(tmp_path: Path, file_format: str):
    path = tmp_path / f"a.{file_format.lower()}"
    Image.fromarray(smooth_images(1, 64)[0]).save(path, file_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match="cannot be read: ") as raised, reading(path) as image:
        image.load()
    assert "\n" not in str(raised.value)


def test_decompression_bomb_names_the_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    PHOTO.save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 24 // 2 - 1)
    with pytest.raises(UserError, match="allow them with --max-megapixels"), reading(tmp_path / "a.png"):
        pass


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animation_gives_its_first_frame_and_a_note(tmp_path: Path, file_format: str):
    frames = [Image.new("RGB", (8, 8), color) for color in ("black", "white", "red")]
    frames[0].save(tmp_path / "a", file_format, save_all=True, append_images=frames[1:])
    with reading(tmp_path / "a") as image:
        assert photo_files.frames_note(image) == ("the first of its 3 frames is taken",)
        assert np.asarray(image.convert("L")).max() < 10


def test_previews_in_a_telephone_s_photograph_are_no_frames(tmp_path: Path):
    PHOTO.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[PHOTO.resize((8, 8))])
    with reading(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
        assert photo_files.frames_note(image) == ()


@pytest.mark.parametrize(
    ("name", "alpha", "expected"),
    [
        ("a.jpg", False, "a.jpg"),
        ("b/A.JPEG", False, "b/A.JPEG"),
        ("a.jpg", True, "a.png"),
        ("a.bmp", True, "a.png"),
        ("a.tif", True, "a.tif"),
        ("b/a.gif", False, "b/a.png"),
        ("a.pgm", False, "a.png"),
        ("a.psd", False, "a.png"),
        ("a", False, "a.png"),
        ("a.b.c", False, "a.b.c.png"),
        ("Paris 12.05.1944", False, "Paris 12.05.1944.png"),
        ("a.b.gif", False, "a.b.png"),
        ("a.jfif", False, "a.jfif"),
        ("a.JPE", False, "a.JPE"),
        ("a.apng", True, "a.apng"),
        ("a.vda", True, "a.vda"),
        ("a.j2k", True, "a.j2k"),
        ("a.pfm", False, "a.png"),
        ("a.heic", False, "a.png"),
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


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_exif_is_kept_but_for_the_orientation(tmp_path: Path, extension: str):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "A. Photographer"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "1936:03:01 12:00:00"
    PHOTO.save(tmp_path / "in.jpg", exif=exif, dpi=(300, 300))
    with reading(tmp_path / "in.jpg") as image:
        kept = metadata_to_keep(image)
    target = tmp_path / f"out.{extension}"
    write_photo(PHOTO, target, kept, overwrite=False)
    with Image.open(target) as image:
        read = image.getexif()
        assert ExifTags.Base.Orientation not in read
        assert read[ExifTags.Base.Artist] == "A. Photographer"
        assert read.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "1936:03:01 12:00:00"
        if extension != "webp":
            assert np.allclose(image.info["dpi"], 300, atol=0.1)


def test_tiff_keeps_its_dots_per_inch(tmp_path: Path):
    PHOTO.save(tmp_path / "in.tif", dpi=(1200, 600))
    with reading(tmp_path / "in.tif") as image:
        kept = metadata_to_keep(image)
    write_photo(PHOTO, tmp_path / "out.tif", kept | {"exif": b"has no place"}, overwrite=False)
    with Image.open(tmp_path / "out.tif") as image:
        assert image.info["dpi"] == (1200, 600)


@pytest.mark.parametrize(
    "info",
    [
        {"exif": b"Exif\0\0damaged"},
        {"dpi": (0, 0)},
        {"dpi": (float("nan"), 300)},
        {"dpi": "wide"},
        {"exif": b"", "dpi": (1e9, 1e9)},
    ],
)
def test_damaged_metadata_is_left_out(info: dict):
    image = PHOTO.copy()
    image.info |= info
    assert metadata_to_keep(image) == {}


def test_nothing_is_overwritten_unless_that_is_wanted(tmp_path: Path):
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")
    with pytest.raises(UserError, match="is there already: give --overwrite"):
        write_photo(PHOTO, target, {}, overwrite=False)
    assert target.read_bytes() == b"precious"
    write_photo(PHOTO, target, {}, overwrite=True)
    with Image.open(target) as read:
        assert read.size == PHOTO.size
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_link_is_replaced_rather_than_followed(tmp_path: Path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "precious")
    write_photo(PHOTO, tmp_path / "out" / "a.png", {}, overwrite=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_path_that_climbs_out_of_the_folder_is_refused(tmp_path: Path):
    out = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("../a.png", "b/../../a.png", "link/a.png", "/a.png"):
        with pytest.raises(UserError, match="lies outside"):
            target_within(out, Path(name))
    assert target_within(out, Path("b/a.png")) == out / "b" / "a.png"


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(UserError, match=r"a\.png cannot be written: .*too large") as raised:
            write_photo(noise, tmp_path / "a.png", {}, overwrite=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == []


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def save(self, file, *_, **__):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        write_photo(PHOTO, tmp_path / "a.png", {}, overwrite=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_every_array_that_is_written_is_read_back(tmp_path: Path, dtype, channels: int):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    made = (np.random.default_rng(0).random((5, 7, channels)) * white).astype(dtype)
    target = tmp_path / f"a{photo_files.extension_for(np.dtype(dtype), channels)}"
    photo_files.write_array(made, target, overwrite=False)
    # Of several channels of more than 8 bits, and of two or five, Pillow reads none; tifffile does.
    with_pillow = channels == 1 or (dtype == np.uint8 and channels in (3, 4))
    read = np.asarray(Image.open(target)) if with_pillow else tifffile.imread(target)
    np.testing.assert_array_equal(read.reshape(made.shape), made)
    assert (target.suffix == ".png") == (with_pillow and dtype != np.float32)
