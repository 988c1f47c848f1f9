"""Images with all their bits and channels: what a header says, and the pixels."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pix2pix_jax.photos.arrays import (
    NUMPY,
    as_pixels,
    depth_of,
    is_beyond_pillow,
    map_numpy,
    read_png,
    read_tiff,
    tiff_header,
    turned,
    unknown_kind,
)
from pix2pix_jax.photos.opening import load, open_image, orientation_of, upright_size
from pix2pix_jax.photos.pixels import to_rgb

_TIFF_EXTENSIONS = (".tif", ".tiff")
_GRAY_MODES = ("1", "L", "LA", "La")  # of Pillow

Pixels = Image.Image | NDArray[Any]
"""Decoded: Pillow's image where it has 8 bits, or an array [H, W, C] of uint8, uint16 or float32."""


class Kind(NamedTuple):
    """What images of a kind have in common.

    Attributes:
        channels: as stored; 4 of RGBA, 1 of a palette's indices.
        natural: 1 if the image is grey and 3 if it is coloured, where it has 8 bits; else as `channels`.
        depth: "uint8", "uint16" or "float32".
    """

    channels: int
    natural: int
    depth: str

    def can_give(self, channels: int) -> bool:
        """Whether the image can be had with so many channels: its own, or for 8 bits as grey or RGB."""
        converts = self.depth == "uint8" and self.natural in (1, 3)
        return channels in (self.channels, self.natural) or (converts and channels in (1, 3))


class Header(NamedTuple):
    """What is known of an image before its pixels are decoded.

    Attributes:
        height: px, the right way up.
        width: px, the right way up.
        kind: what it has in common with others, whatever their size.
    """

    height: int
    width: int
    kind: Kind


def read_header(path: Path) -> Header:
    """Reads what an image file says of itself.

    Args:
        path: an image, or a .npy file that holds [H, W] or [H, W, C].

    Raises:
        UserError: if its values are of a kind that is not known, such as whole numbers of 32 bits.
        Exception: whatever Pillow, tifffile or NumPy raise on a damaged file.
    """
    if path.suffix.lower() == NUMPY:
        values = map_numpy(path)
        return _header(values.shape, values.dtype, path)
    try:
        with open_image(path) as image:
            width, height = upright_size(image)
            return Header(height, width, _kind(image, path))
    except UnidentifiedImageError:
        if path.suffix.lower() not in _TIFF_EXTENSIONS:
            raise
    with path.open("rb") as file:
        return _header(*tiff_header(file, path), path)


def read_pixels(path: Path) -> Pixels:
    """Decodes an image file, the right way up.

    Args:
        path: as of `read_header`.

    Raises:
        UserError: as of `read_header`; or if a TIFF file is compressed in a way that is not read.
        Exception: whatever Pillow, tifffile or NumPy raise on a damaged file.
    """
    if path.suffix.lower() == NUMPY:
        return as_pixels(map_numpy(path), path)
    try:
        with open_image(path) as image:
            return pixels_of(image)
    except UnidentifiedImageError:
        if path.suffix.lower() not in _TIFF_EXTENSIONS:
            raise
    with path.open("rb") as file:
        return as_pixels(read_tiff(file, path), path)


def pixels_of(image: Image.Image) -> Pixels:
    """Decodes an image of Pillow's, the right way up, with all its bits; raises as `read_pixels` does."""
    path = Path(getattr(image, "filename", "") or "the image")
    orientation = orientation_of(image)
    if is_beyond_pillow(image):
        values = read_png(image) if image.format == "PNG" else read_tiff(image.fp, path)  # type: ignore[attr-defined]
    elif (depth := _pillow_depth(image, path)) == "uint8":
        return load(image)[0]
    else:
        image.load()
        values = np.asarray(image)[..., None].astype(depth)
    return as_pixels(turned(values, orientation), path)


def to_channels(pixels: Pixels, channels: int, *, indices: bool) -> NDArray[Any]:
    """Gives decoded pixels a number of channels.

    As the authors' code does: what is transparent lies on white, a palette becomes RGB, and colours become grey as
    luma.

    Args:
        pixels: decoded.
        channels: one that its kind `can_give`.
        indices: whether a palette's image asked for with one channel gives the palette's indices, rather than luma:
            label maps are kept like that.

    Returns:
        [H, W, channels], uint8, uint16 or float32.
    """
    if not isinstance(pixels, Image.Image):
        if pixels.shape[-1] == channels:
            return pixels
        pixels = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if channels == 1:
        is_gray = pixels.mode == "L" and not pixels.has_transparency_data
        if not (is_gray or (pixels.mode == "P" and indices)):
            pixels = Image.fromarray(to_rgb(pixels)).convert("L")
        return np.asarray(pixels)[..., None]
    return to_rgb(pixels) if channels == 3 else np.asarray(pixels)


def _header(shape: tuple[int, ...], dtype: np.dtype, path: Path) -> Header:
    height, width, channels = shape
    return Header(height, width, Kind(channels, channels, depth_of(dtype, path)))


def kind_of(pixels: Pixels) -> Kind:
    """The kind of decoded pixels."""
    if isinstance(pixels, Image.Image):
        return Kind(len(pixels.getbands()), 1 if pixels.mode in _GRAY_MODES else 3, "uint8")
    return Kind(pixels.shape[2], pixels.shape[2], pixels.dtype.name)


def _kind(image: Any, path: Path) -> Kind:
    """The kind of an image that Pillow has opened, and nobody decoded."""
    channels = len(image.getbands())
    if image.format == "TIFF" and is_beyond_pillow(image):
        return _header(*tiff_header(image.fp, path), path).kind
    if is_beyond_pillow(image):  # a PNG: of grey with transparency Pillow makes RGBA
        channels, depth = 2 if "LA;16" in str(image.tile) else channels, "uint16"
    elif (depth := _pillow_depth(image, path)) == "uint8":
        return kind_of(image)
    return Kind(channels, channels, depth)


def _pillow_depth(image: Image.Image, path: Path) -> str:
    """The depth of what Pillow decodes; raises UserError where that is less than the file holds, or not known."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return "uint16"
    if image.mode == "F":
        return "float32"
    if image.mode == "I":
        raise unknown_kind(path, "whole numbers of 32 bits")
    several = len(image.getbands()) > 1
    if several and image.format == "JPEG2000":
        raise unknown_kind(path, "JPEG 2000 in colour, which may have more bits than the 8 that are read")
    if several and image.format == "PPM":
        (tile,) = image.tile  # type: ignore[attr-defined]
        if isinstance(tile.args, tuple) and tile.args[1] > 255:
            raise unknown_kind(path, f"colours up to {tile.args[1]}, of which 8 bits are read")
    return "uint8"
