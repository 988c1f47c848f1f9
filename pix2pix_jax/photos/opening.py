"""Opening image files, and decoding them: whole, or what there is of them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from pix2pix_jax.photos.headers import check_header, misread
from pix2pix_jax.photos.limits import check_size
from pix2pix_jax.photos.readable import readable_formats, unread_reason

_JPEG = ("JPEG", "MPO")
_END = b"\xff\xd9"  # of a JPEG file
_MORE = bytes(range(7, 200, 3))  # any bytes that are no marker

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNREAD_TIFF = (
    "damaged, or of a kind of TIFF that is not read: save it with 8 or 16 bits a channel, grey or RGB, black being zero"
)
_WITHOUT_END = "the end of the file is missing, of the picture nothing"
_DAMAGED = "the file is damaged: what it still holds is taken, the rest is blank"


def open_image(path: Path, beyond_pillow: bool = False) -> ImageFile.ImageFile:
    """Opens an image file and reads its header, not its pixels.

    Args:
        path: the file, in one of the `readable_formats`, whatever its extension.
        beyond_pillow: whether a file may be opened whose pixels Pillow misreads, to be read in another way.

    Returns:
        Pillow's image, to be closed.

    Raises:
        Exception: whatever Pillow raises on a damaged file (its plugins do not agree on a type); ValueError where the
            file is no photograph, or is of a kind that would be misread; DecompressionBombError if it is too large.
    """
    if reason := unread_reason(path):
        raise ValueError(reason)
    if not path.is_file() and path.exists():  # a pipe would be waited for, and a device read without end
        raise ValueError("not a file")
    image = _opened(path)
    try:
        check_size(*image.size, path)
        check_header(image)
        if not beyond_pillow and (reason := misread(image)):
            raise ValueError(reason)
    except BaseException:
        image.close()
        raise
    return image


def _opened(path: Path) -> ImageFile.ImageFile:
    # Left alone, Pillow tries one format after another: several times slower.
    likely = Image.EXTENSION.get(path.suffix.lower())
    if likely in readable_formats():
        try:
            return Image.open(path, formats=(likely,))
        except UnidentifiedImageError:
            pass  # a wrong extension
    try:
        return Image.open(path, formats=readable_formats())
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
            if file.read(4) in _TIFF:
                raise UnidentifiedImageError(_UNREAD_TIFF) from error
        raise


def load(image: Image.Image, damaged: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Decodes an image that was opened.

    A JPEG file that lacks nothing but its end marker is taken for whole.

    Args:
        image: from `open_image`, or any other.
        damaged: whether what a damaged file still holds is taken.

    Returns:
        The decoded image, which is `image` itself unless that is damaged; and what the user should know, a line each.

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    try:
        image.load()
        return image, ()
    except Exception:
        file = Path(str(getattr(image, "filename", "")))
        if not isinstance(image, ImageFile.ImageFile) or not file.is_file():
            raise
        if image.format in _JPEG and (whole := _lacking_its_end(file)):
            return whole, (_WITHOUT_END,)
        if not damaged:
            raise
        return _what_there_is(file), (_DAMAGED,)


def _lacking_its_end(file: Path) -> Image.Image | None:
    """The image of a JPEG file that lacks its end marker alone; None if more is missing.

    Where pixels are missing the decoder makes them of whatever follows; where none is, what follows makes no
    difference.
    """
    data = file.read_bytes().removesuffix(_END[:1])
    try:
        whole, other = (_decoded(data + more + _END) for more in (b"", _MORE))
    except Exception:  # Pillow's plugins do not agree on a type
        return None
    return whole if np.array_equal(np.asarray(whole), np.asarray(other)) else None


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()
        return image


def _what_there_is(file: Path) -> Image.Image:
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = open_image(file)
        image.load()
        return image
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
