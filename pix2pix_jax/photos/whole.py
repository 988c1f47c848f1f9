"""Whether all data of an image are there, where its container is whole and the decoders say nothing."""

import io
import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

JPEG = ("JPEG", "MPO")
"""Pillow's names of JPEG files: of one image, and of several."""

# Markers of JPEG (ISO 10918-1, table B.1).
_END = b"\xff\xd9"
_SCAN = 0xDA
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2,)  # frames with Huffman coding
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # that a length follows; or the end (B.1.1.3)

# A progressive JPEG is gone through once for each of its scans. libjpeg makes 10, and other programs some 30.
_MANY_SCANS = 200
_MORE = bytes(range(7, 200, 3))  # any bytes that are no marker
_MISSING_GRAY = (127, 128)  # what libjpeg fills in where data are missing; in CMYK upside down

# JPEG 2000 (ISO 15444-1, table A.2): its beginning, that of a part of a tile, its end.
_CODESTREAM, _TILE_PART, _CODESTREAM_END = b"\xff\x4f\xff\x51", b"\xff\x90", b"\xff\xd9"


def walk_jpeg(data: bytes) -> tuple[int, int, bool]:
    """Goes through the markers of the first image in a JPEG file, and decodes nothing.

    Returns:
        Where its end marker is, or the size of the data if there is none; the number of its scans; and whether they
        bring all bits of all coefficients.

    Raises:
        ValueError: if it has more scans than a photograph: decoding would take for ever.
    """
    missing: dict[int, set[int]] = {}  # coefficients of each component
    scans, place, progressive = 0, 0, False
    while (found := _MARKER.search(data, place)) and found[0] != _END:
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        kind, content = found[0][1], data[found.end() + 2 : place]
        if kind in (*_SEQUENTIAL, *_PROGRESSIVE):
            progressive = kind in _PROGRESSIVE
            missing = {component: set(range(64)) for component in content[6::3]}
        elif kind == _SCAN:
            scans += 1
            if scans > _MANY_SCANS:
                raise ValueError(
                    f"it has more than {_MANY_SCANS} scans, which no photograph has: it would take for ever"
                )
            first, last, bits = content[-3:].rjust(3, b"\0") if progressive else (0, 63, 0)
            for component in content[1:-3:2]:
                if bits % 16 == 0:  # the lowest bit comes with this scan
                    missing.get(component, set()).difference_update(range(first, last + 1))
    return found.start() if found else len(data), scans, not any(missing.values())


def whole_jpeg(data: bytes) -> Image.Image | None:
    """The image of a JPEG file that lacks no more than its end marker; None if more is missing."""
    end, _, complete = walk_jpeg(data)
    data = data[:end].removesuffix(_END[:1])
    try:
        image = _decoded(data + _END)
    except Exception:  # Pillow's plugins do not agree on a type
        return None
    return image if complete and not _lacks_data(data, image) else None


def check_whole(image: Image.Image) -> None:
    """Raises OSError if data of an image, just decoded from a file, end early or are left out."""
    if not (name := getattr(image, "filename", "")):
        return
    path = Path(name)
    if (
        (image.format in JPEG and _jpeg_is_cut(image, path))
        or (image.format == "PNG" and _png_is_cut(image, path))
        or (image.format == "JPEG2000" and _lacks_tiles(path.read_bytes()))
        or (image.format == "TIFF" and image.info.get("compression") == "jpeg" and _lacks_strips(image, path))
    ):
        raise OSError("a part of its data is missing")


def _jpeg_is_cut(image: Image.Image, path: Path) -> bool:
    data = path.read_bytes()
    end, scans, complete = walk_jpeg(data)
    corner = np.asarray(image.crop((image.width - 1, image.height - 1, *image.size)))
    suspicious = scans > 1 or np.isin(corner, _MISSING_GRAY).all()
    return not complete or bool(suspicious and _lacks_data(data[:end], image))


def _lacks_data(data: bytes, image: Image.Image) -> bool:
    """Whether data are missing at the end of JPEG data without its end marker, of which `image` was made.

    Where some are missing the decoder makes pixels of whatever follows; where none are, what follows changes nothing.
    """
    try:
        other = _decoded(data + _MORE + _END, image.size)
    except Exception:  # as above
        return True
    return not np.array_equal(np.asarray(image), np.asarray(other))


def _decoded(data: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """Decodes a JPEG file, at the scale that has led to a size."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if size and size != image.size:
            image.draft(None, (size[0] - 1, size[1] - 1))
        image.load()
        return image


def _png_is_cut(image: Image.Image, path: Path) -> bool:
    """Seldom looked into: only where the last rows are as Pillow leaves them."""
    last = np.asarray(image.crop((0, max(0, image.height - 2), *image.size)))  # of two, one is Adam7's last
    if last.reshape(len(last), -1).any(1).all():
        return False
    import imagecodecs

    try:
        imagecodecs.png_decode(path.read_bytes())
    except imagecodecs.PngError as error:
        return "Not enough" in str(error)
    return False


def _lacks_tiles(data: bytes) -> bool:
    """Whether a JPEG 2000 file lacks whole tiles."""
    place = data.index(_CODESTREAM) + 2
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", data, place + 6)
    tiles: set[int] = set()
    while len(data) - place > 12 and not data.startswith(_CODESTREAM_END, place):
        if data.startswith(_TILE_PART, place):
            tile, length = struct.unpack_from(">HI", data, place + 4)
            tiles.add(tile)
            place += length or len(data)
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return len(tiles) < math.ceil((right - left) / width) * math.ceil((bottom - top) / height)


def _lacks_strips(image: Any, path: Path) -> bool:
    """Whether data are missing in the strips or tiles of a TIFF file with JPEG's compression."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[image.tell()]
        tables = (page.jpegtables or b"").removesuffix(_END)
        for place, size in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.filehandle.seek(place)
            data = file.filehandle.read(size)
            if whole_jpeg(tables + data[2:] if tables else data) is None:
                return True
    return False
