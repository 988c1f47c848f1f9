"""Files that would make a reader of photographs crash, hang, fill the memory or say something false."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from helpers import chunk, png
from PIL import Image, ImageCms

from pix2pix_jax.photos import readable_formats

NAMES = (
    *("写真", "写真 (1)", "фото", "φωτο", "صورة", "תמונה", "छवि", "ภาพ", "사진", "foto ñ", "e\u0301", "🌄", "ß", "İ"),
    *("-o", "--out", " a ", "a'b", 'a"b', "a&b;c|d", "$(touch x)", "%s%n", "a\nb", "a\tb", "a\\b", "con", "nul"),
    *("a" * 240, "файл" * 28, "[1]", "*?", "{x}", "~", "#1", "1" * 60, "\u202eabc", "\u200b", "a.b.c.d"),
    "Paris 12.05.1944",
)  # fmt: skip
"""What photographs are called, without their extension."""


def formats(photo: Image.Image) -> Iterator[tuple[str, bytes]]:
    """An image in every format that Pillow writes and the package reads: the extension and the content."""
    extensions = {name: extension for extension, name in sorted(Image.registered_extensions().items())}
    for name in sorted(Image.SAVE.keys() & readable_formats() & extensions.keys()):
        for mode in ("RGB", "L", "1", "P"):
            buffer = io.BytesIO()
            try:
                photo.convert(mode).save(buffer, name)
            except Exception:  # Pillow's plugins do not agree on a type
                continue
            yield extensions[name], buffer.getvalue()
            break


def broken(content: bytes, random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """A file cut short, and with bits turned, in its header and anywhere."""
    for part in (0.02, 0.3, 0.7, 0.98):
        yield f"cut{part}", content[: int(part * len(content))]
    for turn in range(5):
        flipped = bytearray(content)
        reach = len(content) if turn < 3 else min(64, len(content))
        for place in random.integers(0, reach, 12 if turn < 3 else 2):
            flipped[place] ^= 1 << int(random.integers(8))
        yield f"flipped{turn}", bytes(flipped)


def tiff(tags: dict[int, tuple[int, int]], data: bytes) -> bytes:
    """A little-endian TIFF file of one strip; `tags` give kind (3: 16 bits, 4: 32 bits) and value."""
    entries = dict(sorted(({273: (4, 0), 279: (4, len(data))} | tags).items()))
    start = 8 + 2 + 12 * len(entries) + 4
    entries[273] = tags.get(273, (4, start))
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + data


def size(width: int, height: int, bits: int = 8, photometric: int = 1, **more: int) -> dict[int, tuple[int, int]]:
    """Tags of an uncompressed grey TIFF file; `t339=3` stands for tag 339, of 16 bits."""
    tags = {256: (4, width), 257: (4, height), 258: (3, bits), 259: (3, 1), 262: (3, photometric), 277: (3, 1)}
    return tags | {278: (4, height)} | {int(tag[1:]): (3, value) for tag, value in more.items()}


def lying(photo: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Files whose header says something false or monstrous of their pixels."""
    few = zlib.compress(bytes(1000))
    for side in (0, 1, 9_000, 13_000, 60_000, 2**31 - 1):
        for depth, color in ((8, 2), (16, 6), (1, 0), (8, 3)):
            yield f"png{side}_{depth}_{color}.png", png(side, side, depth, color, few)
        yield f"line{side}.png", png(side, 1, 8, 2, few)
        yield f"tiff{side}.tif", tiff(size(side, side), bytes(100))
        yield f"float{side}.tif", tiff(size(side, side, 32, t339=3), bytes(100))
        yield f"ppm{side}.ppm", b"P6 %d %d 255\n" % (side, side) + bytes(100)
        yield f"pgm{side}.pgm", b"P5 %d %d 65535\n" % (side, side) + bytes(100)
        yield f"plain{side}.ppm", b"P3 %d %d 255\n" % (side, side) + b"1 " * 100
        for name, place, code in (("BMP", 18, "<ii"), ("GIF", 6, "<HH"), ("TGA", 12, "<HH"), ("JPEG", 163, ">HH")):
            most = 2**31 - 1 if name == "BMP" else 2**16 - 1
            content = bytearray(_saved(photo, name))
            struct.pack_into(code, content, place, min(side, most), min(side, most))
            yield f"{name}{side}.{name.lower()}", bytes(content)
    for bits in (0, 3, 5, 10, 12, 14, 24, 64, 65535):
        yield f"bits{bits}.tif", tiff(size(16, 16, bits), bytes(16 * 16 * 8))
    for photometric in (0, 3, 4, 5, 6, 8, 9, 32803, 34892, 65535):
        yield f"photometric{photometric}.tif", tiff(size(16, 16, 16, photometric), bytes(16 * 16 * 8))
    odd_tags = ((254, 4), (255, 2), (259, 5), (259, 7), (259, 34712), (266, 2), (274, 9), (284, 2), (317, 2), (317, 9))
    for tag, value in odd_tags:
        yield f"tag{tag}_{value}.tif", tiff(size(16, 16, 8) | {tag: (3, value)}, bytes(256))
    yield "far.tif", tiff(size(16, 16) | {273: (4, 2**32 - 1)}, bytes(256))
    yield "many.tif", tiff(size(16, 16) | {277: (3, 65535)}, bytes(256))
    loop = bytearray(tiff(size(16, 16), bytes(256)))
    end = 8 + 2 + 12 * struct.unpack_from("<H", loop, 8)[0]
    loop[end : end + 4] = struct.pack("<I", 8)  # the next image is this one
    yield "loop.tif", bytes(loop)


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def odd(photo: Image.Image, random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Pixels, palettes, profiles and metadata that nobody expects."""
    for name, value in {"nan": np.nan, "inf": np.inf, "huge": 3e38, "tiny": 1e-45, "minus": -np.inf}.items():
        values = np.full((16, 16), value, np.float32)
        yield f"{name}_all.tif", _saved(Image.fromarray(values), "TIFF")
        values[:8] = np.linspace(0, 1, 128).reshape(8, 16)
        yield f"{name}_half.tif", _saved(Image.fromarray(values), "TIFF")
    index = zlib.compress(b"".join(b"\0" + bytes(range(240, 256)) for _ in range(16)))
    for entries in (0, 1, 2, 255, 256, 300):
        palette = chunk(b"PLTE", bytes(3 * entries))
        yield f"palette{entries}.png", png(16, 16, 8, 3, index, palette)
        yield f"clear{entries}.png", png(16, 16, 8, 3, index, palette, chunk(b"tRNS", bytes(300)))
    yield "text.png", png(16, 16, 8, 3, index, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24))))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiles = [b"", b"x", random.bytes(5000), profile[:100], profile[:-50], bytes(len(profile)), 20 * profile]
    for _ in range(12):
        flipped = bytearray(profile)
        for place in random.integers(0, len(profile), 8):
            flipped[place] ^= 255
        profiles.append(bytes(flipped))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "x" * 1000
    whole = exif.tobytes()
    blocks = [b"Exif\0\0", b"Exif\0\0II*\0", whole[:20], whole[:-200], b"Exif\0\0" + random.bytes(3000)]
    blocks.append(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0")  # an IFD within itself
    blocks.append(b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(50))
    for orientation in (0, 9, 65535):
        exif[0x0112] = orientation
        blocks.append(exif.tobytes())
    for what, values in (("icc_profile", profiles), ("exif", blocks)):
        for number, data in enumerate(values):
            for name in ("JPEG", "PNG", "WEBP"):
                yield f"{what}{number}.{name.lower()}", _saved(photo, name, **{what: data})
    for number, data in enumerate((b"<x", b"\xff\xfe", b'tiff:Orientation="6"' * 2000, b"\0" * 500)):
        yield f"xmp{number}.jpg", _saved(photo, "JPEG", xmp=data)
        yield f"comment{number}.jpg", _saved(photo, "JPEG", comment=data)


def make(folder: Path, photo: Image.Image) -> list[str]:
    """Fills a folder with hostile files; gives the names of sound photographs among them."""
    random = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for extension, content in formats(photo):
            (folder / f"whole{extension}").write_bytes(content)
            for how, damaged in broken(content, random):
                (folder / f"{how}{extension}").write_bytes(damaged)
        for name, content in (*lying(photo), *odd(photo, random)):
            (folder / name).write_bytes(content)
    for extension in (".jpg", ".png", ".heic", ".nef", ".jxl"):
        (folder / f"empty{extension}").write_bytes(b"")
        (folder / f"noise{extension}").write_bytes(random.bytes(5000))
        (folder / f"wrong{extension}").write_bytes(_saved(photo, "PNG"))
    sound = [f"{name}.png" for name in NAMES] + ["caf\udce9.png", "wrong.jpg", "wrong.png"]
    for name in sound:
        (folder / name).write_bytes(_saved(photo, "PNG"))
    inner = folder / "inner"
    inner.mkdir()
    (inner / "circle").symlink_to(folder, target_is_directory=True)
    (folder / "folder.png").mkdir()
    (folder / "nothing.png").symlink_to(folder / "missing.png")
    (folder / "itself.png").symlink_to(folder / "itself.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    return sound
