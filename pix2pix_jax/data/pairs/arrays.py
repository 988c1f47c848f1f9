"""Arrays of any depth from TIFF and NumPy's files, channels last."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import check_size

NUMPY = ".npy"

# None, LZW, deflate, PackBits: those whose decoders make no more values than they are asked for.
_COMPRESSIONS = (1, 5, 8, 32946, 32773)


def map_numpy(path: Path) -> NDArray[Any]:
    """Maps a .npy file into memory as [H, W, C]; raises UserError if it has another number of dimensions."""
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ValueError("not an array")
    if values.ndim not in (2, 3) or not values.size:
        raise UserError(
            f"{path} holds values of shape {values.shape}; wanted [height, width] or [height, width, channels]"
        )
    values = values if values.ndim == 3 else values[..., None]
    check_size(values.shape[1], values.shape[0], path, values.shape[2])
    return values


def tiff_header(path: Path) -> tuple[tuple[int, int, int], np.dtype]:
    """The shape [H, W, C] and type of a TIFF file's values; raises UserError if it has more dimensions."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        return _shape(series, path), series.dtype


def read_tiff(path: Path) -> NDArray[Any]:
    """The values of a TIFF file, [H, W, C]; raises UserError if its compression cannot be undone."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        shape = _shape(series, path)
        if series.keyframe.compression not in _COMPRESSIONS:
            raise UserError(f"{path}: its compression is not read: save it without, or with deflate or LZW")
        values = series.asarray()
        if series.keyframe.photometric == 0 and values.dtype.kind == "u":  # TIFF 6.0: zero is white
            values = np.iinfo(values.dtype).max - values
    if values.ndim == 3 and values.shape != shape:
        values = np.moveaxis(values, 0, -1)
    return values.reshape(shape)


def _shape(series: Any, path: Path) -> tuple[int, int, int]:
    """The shape [H, W, C] of a series of tifffile's, which is not too large to be decoded."""
    shape = _channels_last(series.shape, series.axes, path)
    check_size(shape[1], shape[0], path, shape[2])
    return shape


def _channels_last(shape: tuple[int, ...], axes: str, path: Path) -> tuple[int, int, int]:
    """The shape [H, W, C] of what tifffile calls by other axes: pages and planes are channels."""
    if len(shape) == 2:
        return (*shape, 1)
    if len(shape) != 3:
        raise UserError(f"{path} holds values of shape {shape}; wanted [height, width] or [height, width, channels]")
    return (*shape[1:], shape[0]) if axes.endswith("YX") and not _is_plain_stack(axes, shape) else shape  # type: ignore[return-value]


def _is_plain_stack(axes: str, shape: tuple[int, ...]) -> bool:
    """Whether an array [H, W, C] was written without a word on its axes, so that its rows look like pages."""
    return axes[0] == "Q" and shape[2] < shape[0]


def depth_of(dtype: np.dtype, path: Path) -> str:
    """The depth that values of some NumPy type are read as."""
    if dtype.kind == "f":
        return "float32"
    if dtype == np.uint8 or dtype.kind == "b":
        return "uint8"
    if dtype.kind == "u" and dtype.itemsize == 2:
        return "uint16"
    raise unknown_kind(path, f"{dtype} values")


def as_pixels(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Values [H, W, C] of any NumPy type that `depth_of` knows, of a type that is worked with."""
    pixels = np.array(values, dtype=depth_of(values.dtype, path))
    return 255 * pixels if values.dtype.kind == "b" else pixels


def unknown_kind(path: Path, what: str) -> UserError:
    """The error of a file whose values are of a kind that nothing is known of."""
    return UserError(
        f"{path} holds {what}; wanted 8 or 16 bits without sign, or floating point: save it so as PNG, TIFF or .npy"
    )
