"""Arrays of any depth, from PNG, TIFF and NumPy's files, channels last; and how they become 8 bits."""

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.photos.limits import check_size

NUMPY = ".npy"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin."""

# Tags of TIFF 6.0.
_BITS, _SAMPLES, _SAMPLE_FORMAT = 258, 277, 339
_WHITE_IS_ZERO = 0

# None, LZW, deflate, PackBits, LZMA, Zstandard: their decoders make no more values than they are asked for.
_COMPRESSIONS = (1, 5, 8, 32946, 32773, 34925, 50000)


def is_deep_tiff(image: Image.Image) -> bool:
    """Whether an image that was opened is a TIFF file, not decoded yet, with more than 8 bits a channel or signs."""
    if image.format != "TIFF" or not getattr(image, "tile", ()):
        return False
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    return max(tags.get(_BITS, (1,)), default=1) > 8 or 2 in tags.get(_SAMPLE_FORMAT, ())


def is_beyond_pillow(image: Image.Image) -> bool:
    """Whether Pillow would lose bits, channels or pages of an image that was opened and not decoded yet."""
    if image.format == "PNG":
        return len(image.getbands()) > 1 and ";16" in str(getattr(image, "tile", ()))
    if image.format != "TIFF" or not getattr(image, "tile", ()):
        return False
    samples: int = image.tag_v2.get(_SAMPLES, 1)  # type: ignore[attr-defined]
    return is_deep_tiff(image) or samples != len(image.getbands()) or getattr(image, "n_frames", 1) > 1


def map_numpy(path: Path) -> NDArray[Any]:
    """Maps a .npy file into memory as [H, W, C]; raises UserError if it has another number of dimensions."""
    if not path.is_file() and path.exists():
        raise ValueError("not a file")
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ValueError("not an array")
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or not values.size:
        raise _unknown_shape(path, values.shape)
    check_size(values.shape[1], values.shape[0], path, values.shape[2])
    return values


def read_png(image: Any) -> NDArray[Any]:
    """All bits of a PNG file that was opened and not decoded yet, [H, W, C]."""
    import imagecodecs

    image.fp.seek(0)
    return imagecodecs.png_decode(image.fp.read())


def tiff_header(file: IO[bytes], path: Path) -> tuple[tuple[int, int, int], np.dtype]:
    """The shape [H, W, C] and type of what `read_tiff` gives; raises UserError if it has more dimensions."""
    import tifffile

    with tifffile.TiffFile(file, offset=0) as tiff:
        series = tiff.series[0]
        return _shape(series, path), series.dtype


def read_tiff(file: IO[bytes], path: Path, page: int | None = None) -> NDArray[Any]:
    """The values of a TIFF file, black being 0 and, of up to 16 bits without sign, white the largest.

    Args:
        file: the file, open.
        path: its name, for messages.
        page: the page that is read; if None, all are, as channels.

    Returns:
        [H, W, C] of the file's NumPy type.

    Raises:
        UserError: if the values have more dimensions, or another compression than those that are read, or floating
            point or a sign and zero as white.
    """
    import tifffile

    with tifffile.TiffFile(file, offset=0) as tiff:
        series: Any = tiff.series[0] if page is None else tiff.pages[page]
        shape, keyframe = _shape(series, path), series.keyframe
        if keyframe.compression not in _COMPRESSIONS:
            raise UserError(f"{path}: its compression is not read: save it without, or with deflate or LZW")
        inverted = keyframe.photometric == _WHITE_IS_ZERO
        if inverted and series.dtype.kind != "u":
            raise UserError(f"{path}: zero is white in it: save it with zero as black")
        values = np.asarray(series.asarray())
    if values.ndim == 3 and values.shape != shape:
        values = np.moveaxis(values, 0, -1)
    if values.dtype == np.uint16 and keyframe.bitspersample < 16:
        values = (values * (65535.0 / (2**keyframe.bitspersample - 1)) + 0.5).astype(np.uint16)
    return (np.iinfo(values.dtype).max - values if inverted else values).reshape(shape)


def _shape(series: Any, path: Path) -> tuple[int, int, int]:
    """The shape [H, W, C] of a series or page of tifffile's, which is not too large to be decoded."""
    shape = series.shape
    if len(shape) == 2:
        shape = (*shape, 1)
    elif len(shape) != 3:
        raise _unknown_shape(path, shape)
    # Pages and planes are channels, unless rows look like pages since the file says nothing of its axes.
    elif series.axes.endswith("YX") and not (series.axes[0] == "Q" and shape[2] < shape[0]):
        shape = (*shape[1:], shape[0])
    check_size(shape[1], shape[0], path, shape[2])
    return shape


def _unknown_shape(path: Path, shape: tuple[int, ...]) -> UserError:
    return UserError(f"{path} holds values of shape {shape}; wanted [height, width] or [height, width, channels]")


def depth_of(dtype: np.dtype, path: Path) -> str:
    """The depth that values of some NumPy type are read as; raises UserError if it is none that is known."""
    if dtype.kind == "f":
        return "float32"
    if dtype == np.uint8 or dtype.kind == "b":
        return "uint8"
    if dtype.kind == "u" and dtype.itemsize == 2:
        return "uint16"
    raise unknown_kind(path, f"{dtype} values")


def as_pixels(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Values [H, W, C] of any NumPy type that `depth_of` knows, as uint8, uint16 or float32."""
    pixels = np.array(values, dtype=depth_of(values.dtype, path))
    return 255 * pixels if values.dtype.kind == "b" else pixels


def turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Values [H, W, C] turned upright by their EXIF orientation (EXIF 2.32, tag 0x0112); 0 stays as 1 does."""
    values = values.swapaxes(0, 1) if orientation >= 5 else values
    rows, columns = -1 if orientation in (3, 4, 7, 8) else 1, -1 if orientation in (2, 3, 6, 7) else 1
    return values[::rows, ::columns]


def unknown_kind(path: Path, what: str) -> UserError:
    """The error for a file whose values are of a kind that is not known."""
    return UserError(
        f"{path} holds {what}; wanted 8 or 16 bits without sign, or floating point: save it so as PNG, TIFF or .npy"
    )


def to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounds values [H, W, C] of any type to 8 bits.

    Integers of up to 16 bits have their largest as white. 32-bit integers count as 16-bit grey where all of them are
    within its range, floating point as having its white at 1, 255 or 65535, the least that holds them all; otherwise
    the darkest becomes black and the brightest white. What is not finite does not count.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # v / 257, rounded, in little memory
        return (255 * values.astype(np.uint32) + 32_895 >> 16).astype(np.uint8)
    if values.dtype.kind == "f":
        whites = [1.0, 255.0, 65535.0]
    else:
        whites = [65535.0 if values.dtype.itemsize > 2 else float(np.iinfo(values.dtype).max)]
    finite = values[np.isfinite(values)]
    black, white = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if black >= 0.0 and white <= whites[-1]:
        black, white = 0.0, next(each for each in whites if white <= each)
    scale = 255.0 / (white - black) if white - black >= 1e-9 else 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite becomes black or white
        return np.rint((np.nan_to_num(values.astype(np.float64)) - black) * scale).clip(0, 255).astype(np.uint8)
