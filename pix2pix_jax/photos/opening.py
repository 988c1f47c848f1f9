"""Opening image files, and decoding them for colouring and training: whole, or what there is of them."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from pix2pix_jax.photos.arrays import TIFF, is_deep_tiff, read_tiff, to_8_bits
from pix2pix_jax.photos.limits import check_size
from pix2pix_jax.photos.profiles import profile_of
from pix2pix_jax.photos.readable import readable_formats, unread_reason
from pix2pix_jax.photos.whole import JPEG, check_whole, walk_jpeg, whole_jpeg

# Tags of TIFF 6.0; width and height are two.
_SUBFILE, _OLD_SUBFILE, _PLANAR = 254, 255, 284
_SIZE, _TILE = (256, 257), (322, 323)

_SIDEWAYS = 5  # from this EXIF orientation on, width and height are exchanged

_LARGEST_PROFILE = 2**26  # bytes


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
        if image.format in JPEG and image.info.get("progressive"):
            walk_jpeg(path.read_bytes())
        if image.format == "TIFF":
            _check_tiff(image, path)
    except BaseException:
        image.close()
        raise
    return image


def _opened(path: Path) -> ImageFile.ImageFile:
    # Pillow tries one format after another: several times slower, unless the likely one comes first.
    likely = Image.registered_extensions().get(path.suffix.lower())
    try:
        return Image.open(path, formats=sorted(readable_formats(), key=lambda name: name != likely))
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
            if file.read(4) in TIFF:
                raise UnidentifiedImageError(
                    "damaged, or of a kind of TIFF that is not read: save it with 8 or 16 bits a channel, grey or RGB,"
                    " black being zero"
                ) from error
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


def _check_tiff(image: Any, path: Path) -> None:
    """Raises an error if the first image of a TIFF file has too large tiles, or is not the photograph."""
    tags = image.tag_v2
    width, height = (int(tags.get(tag, 0)) for tag in _TILE)
    check_size(width, height, path)
    if tags.get(_SUBFILE) == 4:
        raise ValueError("its first image is a transparency mask: save the photograph alone")
    if tags.get(_SUBFILE) == 1 or tags.get(_OLD_SUBFILE) == 2:
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
    if is_deep_tiff(image):
        tiff: Any = image
        if len(image.getbands()) == 1 or image.mode == "RGB":
            values = read_tiff(tiff.fp, Path(tiff.filename), image.tell())
            return _upright(_of_8_bits(values, image), image), profile_of(image)[1]
        if tiff.tag_v2.get(_PLANAR, 1) != 1:
            raise ValueError("its planes of 16 bits lie apart (tag 284), which Pillow misreads: save it interleaved")
    try:
        image.load()
        check_whole(image)
    except Exception:
        if not isinstance(image, ImageFile.ImageFile):
            raise
        file = Path(str(image.filename))
        if image.format in JPEG and file.is_file() and (whole := whole_jpeg(file.read_bytes())):
            image, notes = whole, ("the file lacks its end marker, but no part of the picture",)
        elif damaged:
            image.tile = []  # nothing more is asked for: what was decoded until now is there
            image.load()
            notes = ("the file is damaged: what it still holds is taken, the rest is blank",)
        else:
            raise
    upright = _upright(_of_8_bits(np.asarray(image)[..., None], image) if image.mode[0] in "IF" else image, image)
    return upright, (*notes, *profile_of(upright)[1])


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


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height, px, of an image that was opened and not decoded, when it is the right way up."""
    width, height = image.size
    if image.format == "TIFF":  # whose size is upright in some of Pillow's versions
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        width, height = (int(tags[tag]) for tag in _SIZE)
    return (height, width) if orientation_of(image) >= _SIDEWAYS else (width, height)


def orientation_of(image: Image.Image) -> int:
    """From 2 to 8 where EXIF says that an image is to be turned; 0 where it is upright, or nothing can be read."""
    if image.format == "PNG" and getattr(image, "tile", ()) and "exif" not in image.info:
        return 0  # or it would be decoded whole in search of EXIF behind the pixels
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a damaged EXIF block must not cost the photograph
        return 0
    return orientation if isinstance(orientation, int) and 2 <= orientation <= 8 else 0
