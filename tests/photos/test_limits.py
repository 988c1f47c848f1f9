"""No file makes the reader start a program or decode more than the limit, whatever the file is called."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from faults.hostile import size, tiff
from helpers import save_image
from PIL import EpsImagePlugin, Image, WmfImagePlugin

from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.inference.colorizing import colorize
from pix2pix_jax.photos import read_header, read_image, read_pixels

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n%%EOF\n"
READERS = (read_image, read_header, read_pixels, colorize)


def iptc(content: bytes) -> bytes:
    """An IPTC file around another one, which Pillow opens as whatever that is."""

    def field(record: int, number: int, data: bytes) -> bytes:
        return struct.pack(">BBBH", 0x1C, record, number, len(data)) + data

    sides = field(3, 20, struct.pack(">H", 64)) + field(3, 30, struct.pack(">H", 64))
    kind = field(3, 60, b"\1\0") + field(3, 65, b"\1") + field(3, 120, b"\5")
    return sides + kind + field(8, 10, content)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.eps", "a.ps", "a.wmf", "a.iim", "a"])
@pytest.mark.parametrize("content", [POSTSCRIPT, b"\xc5\xd0\xd3\xc6" + bytes(28) + POSTSCRIPT, iptc(POSTSCRIPT)])
def test_postscript_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\necho 10.0\n/usr/bin/touch {tmp_path}/started\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    for format_name, plugin in (("EPS", EpsImagePlugin.EpsImageFile), ("WMF", WmfImagePlugin.WmfStubImageFile)):
        monkeypatch.setitem(Image.OPEN, format_name, (plugin, None))
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / name).write_bytes(content)
    Image.new("RGB", (4, 4)).save(folder / "sound.png")
    for read in READERS:
        with pytest.raises(Exception, match=r"."):
            read(folder / name)
    assert scan_folder(str(folder), flag="--root")[1] == ["sound.png"]
    assert not (tmp_path / "started").exists()


LARGE = {
    "deep.tif": {"planarconfig": "contig"},
    "planes.tif": {"planarconfig": "separate"},
    "big.tif": {"bigtiff": True},
}


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.npy", "pillow.tif", *LARGE])
@pytest.mark.parametrize("read", [read_header, read_pixels])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_one_limit_on_pixels_for_all_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, read):
    """Each of the readers behind `open_image` sees to a file of 60×40 pixels."""
    path, pixels = tmp_path / name, np.zeros((40, 60, 3), np.uint8)
    if name in LARGE:
        values = np.moveaxis(pixels, -1, 0) if name == "planes.tif" else pixels
        tifffile.imwrite(path, values.astype(np.uint16), photometric="rgb", **LARGE[name])
    else:
        save_image(path, pixels)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 // 2)
    read(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 // 2 - 1)
    with pytest.raises(Image.DecompressionBombError):
        read(path)


def test_many_channels_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((50, 10, 10), np.uint16), photometric="minisblack")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with pytest.raises(Image.DecompressionBombError):
        read_pixels(tmp_path / "a.tif")


def test_a_strip_that_swells_is_not_decoded_beyond_its_size(tmp_path: Path):
    """A header of 8×8 pixels before a strip that inflates to 256 MB."""
    import resource
    import zlib

    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint16), photometric="rgb", compression="zlib", metadata=None)
    content, bomb = bytearray(path.read_bytes()), zlib.compress(bytes(2**28), 9)
    with tifffile.TiffFile(path) as file:
        for name, value in ((273, len(content)), (279, len(bomb))):
            tag = file.pages[0].tags[name]
            content[tag.offset + 2 : tag.offset + 12] = struct.pack("<HII", 4, 1, value)
    path.write_bytes(bytes(content) + bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Exception, match=r"."):
        read_pixels(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_monstrous_sizes_in_a_few_bytes_are_refused(tmp_path: Path):
    (tmp_path / "a.ppm").write_bytes(b"P6 9000 9000 255\n" + bytes(100))
    with pytest.raises(ValueError, match="81 megapixels, in 117 bytes"):
        read_image(tmp_path / "a.ppm")


def test_a_jpeg_of_endless_scans_is_refused_and_bytes_after_its_end_are_none(tmp_path: Path):
    """A scan that says that nothing changes has 60 bytes, and takes the decoder as long as any other."""
    written = io.BytesIO()
    Image.new("L", (64, 64), 77).save(written, "JPEG", progressive=True)
    whole = written.getvalue()
    scan = whole[whole.rfind(b"\xff\xda") : -2]
    path = tmp_path / "a.jpg"
    path.write_bytes(whole + scan * 1000)  # as the films that some cameras put there
    assert read_image(path).shape == (64, 64, 3)
    path.write_bytes(whole[:-2] + scan * 1000 + whole[-2:])
    for read in (read_image, read_pixels, colorize):
        with pytest.raises(Exception, match="more than 200 scans"):
            read(path)


@pytest.mark.parametrize("side", [12_992, 30_000])
def test_a_tile_is_no_larger_than_an_image_may_be(tmp_path: Path, side: int):
    """Pillow makes room for a whole tile, of which the image may be a corner."""
    tags = size(100, 100) | {259: (4, 8), 322: (4, side), 323: (4, side), 324: (4, 134), 325: (4, 1)}
    (tmp_path / "a.tif").write_bytes(tiff(tags, bytes(8)))
    with pytest.raises(Exception, match="megapixels"):
        read_image(tmp_path / "a.tif")
