"""Opening image files, and decoding them for colouring and training: whole, or what there is of them."""

import io
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from pix2pix_jax.photos.arrays import TIFF, is_deep_tiff, read_tiff, to_8_bits
from pix2pix_jax.photos.limits import check_size
from pix2pix_jax.photos.readable import readable_formats, unread_reason

_SUBFILE, _OLD_SUBFILE, _PLANAR = 254, 255, 284  # TIFF 6.0

_JPEG = ("JPEG", "MPO")
_END = b"\xff\xd9"  # of a JPEG file
# A progressive JPEG is gone through once for each of its scans. libjpeg makes 10, and other programs some 30.
_MANY_SCANS = 200
_SCAN = b"\xff\xda"  # what one begins with
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # that a length follows; or the end (ISO 10918-1, B.1.1.3)
_TILE = (322, 323)  # tags of TIFF 6.0: width and height
_MORE = bytes(range(7, 200, 3))  # any bytes that are no marker
_MISSING_GRAY = 128  # what libjpeg fills in where data are missing

_LARGEST_PROFILE = 2**26  # bytes

_UNREAD_TIFF = (
    "damaged, or of a kind of TIFF that is not read: save it with 8 or 16 bits a channel, grey or RGB, black being zero"
)
_WITHOUT_END = "the file lacks its end marker, but no part of the picture"
_DAMAGED = "the file is damaged: what it still holds is taken, the rest is blank"


def open_image(path: Path) -> ImageFile.ImageFile:
    """Opens an image file and reads its header, not its pixels.

    Args:
        path: the file, in one of the `readable_formats`, whatever its extension.

    Returns:
        Pillow's image, to be closed.

    Raises:
        Exception: whatever Pillow raises on a damaged file (its plugins do not agree on a type); ValueError where the
            file is no photograph; DecompressionBombError if it is too large.
    """
    if reason := unread_reason(path):
        raise ValueError(reason)
    if not path.is_file() and path.exists():  # a pipe would be waited for, and a device read without end
        raise ValueError("not a file")
    image = _opened(path)
    try:
        check_size(*image.size, path)
        if image.format in _JPEG and image.info.get("progressive"):
            _check_scans(path.read_bytes())
        if image.format == "TIFF":
            tags: Any = image.tag_v2  # type: ignore[attr-defined]
            tile_width, tile_height = (int(tags.get(tag, 0)) for tag in _TILE)
            check_size(tile_width, tile_height, path)
            _check_first_image(image)
    except BaseException:
        image.close()
        raise
    return image


def _opened(path: Path) -> ImageFile.ImageFile:
    # Left alone, Pillow tries one format after another: several times slower.
    likely = Image.EXTENSION.get(path.suffix.lower())
    try:
        if likely in readable_formats():
            try:
                return Image.open(path, formats=(likely,))
            except UnidentifiedImageError:
                pass  # a wrong extension
        return Image.open(path, formats=readable_formats())
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
            if file.read(4) in TIFF:
                raise UnidentifiedImageError(_UNREAD_TIFF) from error
        raise
    except ValueError as error:
        if "too large" not in str(error):
            raise
        return _png_without_texts(path)


def _png_without_texts(path: Path) -> ImageFile.ImageFile:
    """A PNG file whose profile or texts are larger than Pillow reads: without the texts, and with the profile."""
    data, place, profile = path.read_bytes(), 8, b""
    kept = [data[:place]]
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")  # PNG, 5.3: length, type, content, checksum
        kind, content = data[place + 4 : place + 8], data[place + 8 : end - 4]
        if kind == b"iCCP":
            profile = zlib.decompressobj().decompress(content.partition(b"\0")[2][1:], _LARGEST_PROFILE)
        elif kind not in (b"tEXt", b"zTXt", b"iTXt"):
            kept.append(data[place:end])
        place = end
    image = Image.open(io.BytesIO(b"".join(kept)), formats=("PNG",))
    image.filename = str(path)
    if profile:
        image.info["icc_profile"] = profile
    return image


def _check_first_image(image: Any) -> None:
    """Raises ValueError if the first image of a TIFF file is not the photograph."""
    kind, old_kind = image.tag_v2.get(_SUBFILE, 0), image.tag_v2.get(_OLD_SUBFILE, 0)
    if kind == 4:
        raise ValueError("its first image is a transparency mask: save the photograph alone")
    if kind == 1 or old_kind == 2:
        raise ValueError(
            f"its first image is a preview of {image.width}×{image.height}, as in a camera's raw file: develop the"
            " photograph to JPEG, PNG or TIFF"
        )


def load(image: Image.Image, damaged: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Decodes an image that was opened, with up to 8 bits a channel and the right way up.

    A JPEG file that lacks nothing but its end marker is taken for whole. What has more bits is brought to 8, see
    `to_8_bits`, where Pillow does not keep the upper 8.

    Args:
        image: from `open_image`, or any other.
        damaged: whether what a damaged file still holds is taken.

    Returns:
        The decoded image, which may be `image` itself; and what the user should know, a line each.

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    notes: tuple[str, ...] = ()
    if is_deep_tiff(image) and (len(image.getbands()) == 1 or image.mode == "RGB"):
        return _upright(_of_8_bits(read_tiff(image, pages=False), image), image), notes
    if is_deep_tiff(image) and image.tag_v2.get(_PLANAR, 1) != 1:  # type: ignore[attr-defined]
        raise ValueError("its planes of 16 bits lie apart (tag 284), which Pillow misreads: save it interleaved")
    try:
        image.load()
        _check_end(image)
    except Exception:
        if not isinstance(image, ImageFile.ImageFile):
            raise
        if image.format in _JPEG and (whole := _lacking_its_end(Path(str(image.filename)))):
            image, notes = whole, (_WITHOUT_END,)
        elif damaged:
            image.tile = []  # nothing more is asked for: what was decoded until now is there
            image.load()
            notes = (_DAMAGED,)
        else:
            raise
    deep = image.mode[0] in "IF"
    return _upright(_of_8_bits(np.asarray(image)[..., None], image) if deep else image, image), notes


def _of_8_bits(values: np.ndarray, image: Image.Image) -> Image.Image:
    """Values [H, W, 1 or 3] of any depth as an image of 8 bits, with what another one says beside its pixels."""
    pixels = to_8_bits(values)
    found = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    found.info = dict(image.info)
    if isinstance(clear := found.info.pop("transparency", None), int):
        found.putalpha(Image.fromarray(255 * (values[..., 0] != clear).astype(np.uint8)))
    return found


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """An image turned as the EXIF of `source`, from which it is, says (EXIF 2.32, tag 0x0112)."""
    if not (orientation := orientation_of(source)):
        return image
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def orientation_of(image: Image.Image) -> int:
    """From 2 to 8 where EXIF says that an image is to be turned; 0 where it is upright, or nothing can be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a damaged EXIF block must not cost the photograph
        return 0
    return orientation if isinstance(orientation, int) and 2 <= orientation <= 8 else 0


def _check_end(image: Image.Image) -> None:
    """Raises OSError where data end early within a file that is whole, of which libpng and libjpeg say nothing.

    Seldom looked into: only where the last rows are what the decoders leave there.
    """
    name = getattr(image, "filename", "")
    if not name or image.format not in ("PNG", *_JPEG):
        return
    last = np.asarray(image.crop((0, max(0, image.height - 2), *image.size)))  # of two, one is Adam7's last
    if image.format == "PNG" and not last.reshape(len(last), -1).any(1).all():
        import imagecodecs

        try:
            imagecodecs.png_decode(Path(name).read_bytes())
        except imagecodecs.PngError as error:
            if "Not enough" in str(error):
                raise OSError("its data end before the last row") from error
    elif image.format in _JPEG and (last == _MISSING_GRAY).all():
        ends = Path(name).read_bytes().endswith(_END)
        if ends and _lacking_its_end(Path(name)) is None:
            raise OSError("its data end before the last row")


def _lacking_its_end(file: Path) -> Image.Image | None:
    """The image of a JPEG file that lacks its end marker alone, if so much; None if more is missing.

    Where pixels are missing the decoder makes them of whatever follows; where none is, what follows makes no
    difference.
    """
    if not file.is_file():
        return None
    data = file.read_bytes().removesuffix(_END).removesuffix(_END[:1])
    try:
        whole, other = (_decoded(data + more + _END) for more in (b"", _MORE))
    except Exception:  # Pillow's plugins do not agree on a type
        return None
    return whole if np.array_equal(np.asarray(whole), np.asarray(other)) else None


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()
        return image


def _check_scans(data: bytes) -> None:
    """Raises ValueError if a progressive JPEG has more scans than a photograph: it would take for ever."""
    scans, place = 0, 0
    while (found := _MARKER.search(data, place)) and found[0] != _END:
        scans += found[0] == _SCAN
        if scans > _MANY_SCANS:
            raise ValueError(f"it has more than {_MANY_SCANS} scans, which no photograph has: it would take for ever")
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
