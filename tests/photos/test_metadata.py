"""What is said of a photograph beside its pixels comes through, and stays true."""

from pathlib import Path

import pytest
from faults.hostile import size, tiff
from helpers import smooth_images
from PIL import ExifTags, Image

from pix2pix_jax.inference.photo_files import write_photo
from pix2pix_jax.photos import metadata_to_keep, open_image

PHOTO = Image.fromarray(smooth_images(1, 48)[0])
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6" dc:title="Oma"/></x:xmpmeta>'


def kept(path: Path) -> dict:
    with open_image(path) as image:
        image.load()
        return metadata_to_keep(image)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "avif"])
def test_xmp_is_kept_but_for_the_orientation(tmp_path: Path, extension: str):
    PHOTO.save(tmp_path / "in.jpg", xmp=XMP)
    write_photo(PHOTO, tmp_path / f"out.{extension}", kept(tmp_path / "in.jpg"), overwrite=False)
    again = kept(tmp_path / f"out.{extension}")["xmp"]
    assert b'dc:title="Oma"' in again
    assert b'tiff:Orientation="1"' in again


@pytest.mark.parametrize("extension", ["jpg", "png", "jp2"])
def test_the_comment_is_kept(tmp_path: Path, extension: str):
    PHOTO.save(tmp_path / "in.jpg", comment="Paris, im Mai ü")
    write_photo(PHOTO, tmp_path / f"out.{extension}", kept(tmp_path / "in.jpg"), overwrite=False)
    with Image.open(tmp_path / f"out.{extension}") as image:
        comment = image.info.get("comment") or image.info.get("Comment")
        assert (comment.decode() if isinstance(comment, bytes) else comment) == "Paris, im Mai ü"


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_exif_is_kept_as_far_as_it_is_true_of_what_is_written(tmp_path: Path, extension: str):
    base, date = ExifTags.Base, "1936:03:01 12:00:00"
    exif = Image.Exif()
    exif.update({base.Orientation: 6, base.Artist: "A. Photographer", base.ImageWidth: 1})
    sizes = {base.ColorSpace: 65535, base.ExifImageWidth: 600, base.ExifImageHeight: 400}
    exif.get_ifd(ExifTags.IFD.Exif).update({base.DateTimeOriginal: date} | sizes)
    PHOTO.save(tmp_path / "in.jpg", exif=exif.tobytes(), dpi=(300, 300))
    write_photo(PHOTO.resize((50, 70)), tmp_path / f"out.{extension}", kept(tmp_path / "in.jpg"), overwrite=False)
    with Image.open(tmp_path / f"out.{extension}") as image:
        written = image.getexif()
        assert (written[base.Artist], written[base.ImageWidth]) == ("A. Photographer", 50)
        assert written.keys().isdisjoint({base.Orientation, base.ImageLength})  # none is made up
        sizes = {base.ColorSpace: 1, base.ExifImageWidth: 50, base.ExifImageHeight: 70}
        assert written.get_ifd(ExifTags.IFD.Exif) == {base.DateTimeOriginal: date} | sizes
        assert extension == "webp" or image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize(
    "info", [{"exif": b"Exif\0\0damaged"}, {"dpi": (0, 0)}, {"dpi": (float("nan"), 1)}, {"dpi": "x"}]
)
def test_damaged_metadata_is_left_out(info: dict):
    image = PHOTO.copy()
    image.info |= info
    assert metadata_to_keep(image) == {}


def test_a_tiff_without_a_resolution_gets_none(tmp_path: Path):
    (tmp_path / "in.tif").write_bytes(tiff(size(8, 8), bytes(64)))
    assert kept(tmp_path / "in.tif") == {}
    for extension in ("tif", "jpg", "png"):
        write_photo(PHOTO, tmp_path / f"out.{extension}", kept(tmp_path / "in.tif"), overwrite=False)
    with Image.open(tmp_path / "out.tif") as image:
        assert 282 not in image.tag_v2  # type: ignore[attr-defined]
    for extension in ("jpg", "png"):
        with Image.open(tmp_path / f"out.{extension}") as image:
            assert "dpi" not in image.info
