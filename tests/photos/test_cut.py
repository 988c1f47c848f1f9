"""Files whose data end early while the container is whole: an error without `damaged`, in every format."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from faults.hostile import png, size, tiff
from PIL import Image

from pix2pix_jax.photos import load, open_image, read_image, read_pixels

PHOTO = Image.effect_mandelbrot((200, 200), (-2.2, -1.5, 0.8, 1.5), 60).convert("RGB")
TOP = PHOTO.crop((0, 0, 200, 100))


def saved(name: str, image: Image.Image = TOP, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def patched(content: bytes, place: int, code: str, value: int = 200) -> bytes:
    """The data of 100 rows in a container that says 200."""
    found = bytearray(content)
    struct.pack_into(code, found, place, value)
    return bytes(found)


def rows(count: int, pixels: np.ndarray) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels[:count]))


def jpeg_tiff() -> bytes:
    """Two strips, of which the first lacks its second half."""
    content = saved("TIFF", PHOTO, compression="jpeg", tiffinfo={278: 104})
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        start, length = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    half = start + length // 2
    return content[:half] + b"\xff\xd9" + bytes(length - length // 2 - 2) + content[start + length :]


def avif() -> bytes:
    content = saved("AVIF")
    start = content.index(b"mdat") + 4
    half = len(content[start:]) // 2
    place = content.index(struct.pack(">I", len(content) - start), content.index(b"iloc"))
    content = patched(patched(content, place, ">I", half), start - 8, ">I", half + 8)
    return content[: start + half]


def cut_files() -> dict[str, bytes]:
    jpeg, gif, webp = saved("JPEG"), saved("GIF"), saved("WEBP")
    progressive, several = saved("JPEG", progressive=True), saved("MPO", save_all=True, append_images=[PHOTO])
    last_scan, first_end = progressive.rindex(b"\xff\xda"), several.index(b"\xff\xd9\xff\xd8")
    tiles = saved("JPEG2000", tile_size=(64, 64))
    palette = b"PLTE" + bytes(768)
    palette = struct.pack(">I", 768) + palette + struct.pack(">I", zlib.crc32(palette))
    rgb, gray = np.asarray(PHOTO), np.asarray(PHOTO.convert("L"))
    return {
        "early.jpg": patched(jpeg, jpeg.index(b"\xff\xc0") + 5, ">H"),
        "half.jpg": jpeg[: len(jpeg) // 2] + b"\xff\xd9",
        "gray.jpg": saved("JPEG", PHOTO.convert("L"))[:3000] + b"\xff\xd9",
        "restarts.jpg": saved("JPEG", restart_marker_rows=1)[: len(jpeg) // 2] + b"\xff\xd9",
        "scan.jpg": progressive[:last_scan] + b"\xff\xd9",
        "within_a_scan.jpg": progressive[: last_scan + 40] + b"\xff\xd9",
        "before_a_film.jpg": jpeg[: len(jpeg) // 2] + b"\xff\xd9" + bytes(20) + jpeg,
        "a.mpo": several[: first_end - 1000] + b"\xff\xd9" + bytes(1000) + several[first_end + 2 :],
        "early.png": png(200, 200, 8, 2, rows(150, rgb)),
        "last.png": png(200, 200, 8, 2, rows(199, rgb)),
        "gray.png": png(200, 200, 8, 0, rows(10, gray)),
        "palette.png": png(200, 200, 8, 3, rows(10, gray), palette),
        "deep.png": png(200, 100, 16, 2, rows(120, np.asarray(PHOTO))),
        "a.gif": patched(patched(gif, 8, "<H"), gif.rindex(b",\0\0\0\0\xc8\0\x64") + 7, "<H"),
        "a.bmp": patched(saved("BMP"), 22, "<i"),
        "a.tga": patched(saved("TGA"), 14, "<H"),
        "rle.tga": patched(saved("TGA", compression="tga_rle"), 14, "<H"),
        "a.pcx": patched(saved("PCX"), 10, "<H", 199),
        "a.sgi": patched(saved("SGI"), 8, ">H"),
        "a.webp": patched(webp, webp.index(b"\x9d\x01\x2a") + 5, "<H"),
        "a.ppm": saved("PPM").replace(b"200 100", b"200 200"),
        "a.jp2": saved("JPEG2000", no_jp2=True)[:-2000] + b"\xff\xd9",
        "tiles.jp2": tiles[: tiles.rindex(b"\xff\x90\0\x0a")] + b"\xff\xd9",
        "a.avif": avif(),
        "jpeg.tif": jpeg_tiff(),
        "a.tif": tiff(size(200, 200, 8, 2, t277=3), rgb[:100].tobytes()),
        "deflate.tif": tiff(size(200, 200, 8, 2, t277=3, t259=8), zlib.compress(rgb[:100].tobytes())),
    }


@pytest.mark.parametrize("name", cut_files())
def test_what_is_not_there_is_an_error(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(cut_files()[name])
    with open_image(path) as image:  # the header is sound
        assert image.width == 200
    for read in (read_image, read_pixels):
        with pytest.raises(Exception, match=r"."):
            read(path)


@pytest.mark.parametrize("name", ["early.jpg", "half.jpg", "early.png", "a.tif"])
def test_what_is_there_is_taken_where_that_is_wanted(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(cut_files()[name])
    with open_image(path) as image:
        decoded, notes = load(image, damaged=True)
    assert decoded.size[0] == 200
    assert "damaged" in notes[0]
    top = np.asarray(decoded.convert("L"), int)[:20]
    assert np.abs(top - np.asarray(PHOTO.convert("L"), int)[:20]).mean() < 12


WHOLE = {
    **{f"a.{name}": {} for name in ("jpg", "png", "webp", "tif", "gif", "jp2", "avif")},
    **{f"progressive{quality}.jpg": {"progressive": True, "quality": quality} for quality in (10, 75, 100)},
    "a.mpo": {"save_all": True, "append_images": [TOP]},
    "tiles.jp2": {"tile_size": (64, 64)},
    "jpeg.tif": {"compression": "jpeg"},
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("level", [0, 128, None])
def test_whole_photographs_are_no_damage(tmp_path: Path, name: str, level: int | None):
    """Nor flat borders, or what telephones put behind a JPEG."""
    bordered = PHOTO.copy()
    if level is not None:
        bordered.paste((level,) * 3, (0, 100, 200, 200))
    bordered.save(tmp_path / name, **WHOLE[name])
    if name.endswith(("jpg", "mpo")):
        with (tmp_path / name).open("ab") as file:
            file.write(bytes(30) + saved("JPEG", TOP))
    assert read_image(tmp_path / name).shape == (200, 200, 3)
