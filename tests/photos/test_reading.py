"""One reader: what training, judging and colouring see of a file is the same."""

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, ImageCms, ImageFile

from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import open_image, opening, read_image, readable

RGB = smooth_images(1, 48)[0]


def linear_rgb() -> bytes:
    """An RGB profile that is not sRGB: mid-grey is lighter."""
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = bytearray(xyz)
    for name, swapped in ((b"rXYZ", b"gXYZ"),):  # red and green exchanged: seen in every pixel
        places = []
        for tag in (name, swapped):
            entry = data.index(tag, 128)
            places.append(int.from_bytes(data[entry + 4 : entry + 8], "big"))
        first, second = places
        data[first : first + 20], data[second : second + 20] = data[second : second + 20], data[first : first + 20]
    name = "sRGB".encode("utf-16-be")
    place = data.find(name)
    data[place : place + 8] = "Wide".encode("utf-16-be")
    return bytes(data)


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
def test_profiles_are_honoured_in_training_too(tmp_path: Path, extension: str):
    path = tmp_path / f"a.{extension}"
    Image.fromarray(RGB).save(path, icc_profile=linear_rgb(), **({"quality": 100} if extension != "tif" else {}))
    pixels = read_image(path)
    assert np.abs(pixels.astype(int) - RGB).mean() > 10
    assert np.abs(pixels.astype(int)[..., ::-1][..., 1:] - RGB[..., ::-1][..., [2, 1]]).mean() < 40
    with open_image(path) as image:
        luma = gray_photo(image).luma
    np.testing.assert_array_equal(luma, np.asarray(Image.fromarray(pixels).convert("L")))


def test_a_jpeg_that_lacks_its_end_alone_is_whole(tmp_path: Path):
    buffer = io.BytesIO()
    photo = Image.fromarray(RGB).resize((300, 200))
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=90, **options)
        whole = buffer.getvalue()
        path = tmp_path / "a.jpg"
        path.write_bytes(whole)
        wanted = read_image(path)
        for missing in (1, 2):
            path.write_bytes(whole[:-missing])
            np.testing.assert_array_equal(read_image(path), wanted)
        for missing in (20, 200, len(whole) // 2):
            path.write_bytes(whole[:-missing])
            with pytest.raises(OSError, match="truncated"):
                read_image(path)
            with open_image(path) as image:
                decoded, notes = opening.load(image, damaged=True)
            assert decoded.size == (300, 200)
            assert "damaged" in notes[0]
            assert not ImageFile.LOAD_TRUNCATED_IMAGES


class _Heif(ImageFile.ImageFile):
    format = "HEIF"

    def _open(self) -> None:
        self._size, self._mode = (4, 2), "RGB"
        self.tile = [ImageFile._Tile("raw", (0, 0, 4, 2), 16, ("RGB", 0, 1))]


def test_heic_is_read_where_its_reader_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(24))
    Image.new("RGB", (4, 2)).save(tmp_path / "b.png")
    contents = scan_folder(str(tmp_path), flag="--root")
    assert contents.files == ("b.png",)
    assert "pip install pillow-heif" in contents.skipped["a.HEIC"]

    module = types.ModuleType("pillow_heif")
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    for mapping in (Image.OPEN, Image.EXTENSION):
        monkeypatch.setattr(Image, "OPEN" if mapping is Image.OPEN else "EXTENSION", dict(mapping))
    monkeypatch.setattr(Image, "ID", list(Image.ID))

    def register_heif_opener() -> None:
        Image.register_open("HEIF", _Heif, lambda prefix: prefix[4:12] == b"ftypheic")
        Image.register_extension("HEIF", ".heic")

    module.register_heif_opener = register_heif_opener  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    functions = (readable.readable_formats, readable.image_extensions)
    for function in functions:
        function.cache_clear()
    try:
        assert scan_folder(str(tmp_path), flag="--root").files == ("a.HEIC", "b.png")
        assert read_image(tmp_path / "a.HEIC").shape == (2, 4, 3)
    finally:
        monkeypatch.undo()
        for function in functions:
            function.cache_clear()
