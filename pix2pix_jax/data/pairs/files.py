"""Image files of any depth and number of channels: what a header says, and the pixels.

8 bits are Pillow's. More bits come from PNG, TIFF and NumPy's .npy. Pillow reads several channels of 16 bits as 8
without a word, so those are read in other ways here.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pix2pix_jax.data.pairs.arrays import NUMPY, as_pixels, depth_of, map_numpy, read_tiff, tiff_header, unknown_kind
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import deep_ends, heif_bits, jpeg2000_bits, load, misread, open_image, to_rgb, upright_transpose

TIFF = (".tif", ".tiff")

_ON_ITS_SIDE = frozenset(
    {
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
    }
)

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
    """What is known of an image before its pixels are decoded: height and width (px, the right way up), and its kind.

    Attributes:
        height: px, the right way up.
        width: px, the right way up.
        channels: see `Kind`, as the others.
        natural: see there.
        depth: see there.
    """

    height: int
    width: int
    channels: int
    natural: int
    depth: str

    @property
    def kind(self) -> Kind:
        """What it has in common with others, whatever their size."""
        return Kind(self.channels, self.natural, self.depth)


def read_header(path: Path) -> Header:
    """Reads what an image file says of itself.

    Args:
        path: an image, or a .npy file that holds [H, W] or [H, W, C].

    Raises:
        UserError: if its values are of a kind that nothing is known of, such as whole numbers of 32 bits.
        Exception: whatever Pillow, tifffile or NumPy raise on a damaged file.
    """
    if path.suffix.lower() == NUMPY:
        values = map_numpy(path)
        return _header(values.shape, depth_of(values.dtype, path))
    try:
        with open_image(path, beyond_pillow=True) as image:
            if not _is_beyond_pillow(image):
                return _pillow_header(image, path)
            if image.format == "PNG":
                channels = len(_deep_png_tile(image, path).args.partition(";")[0])
                return _header((*_upright_size(image), channels), "uint16")
    except UnidentifiedImageError:
        if path.suffix.lower() not in TIFF:
            raise
    shape, dtype = tiff_header(path)
    return _header(shape, depth_of(dtype, path))


def read_pixels(path: Path) -> Pixels:
    """Decodes an image file, the right way up.

    Args:
        path: as of `read_header`.

    Raises:
        UserError: as of `read_header`; or if a TIFF file is compressed in a way that tifffile cannot undo.
        Exception: whatever Pillow, tifffile or NumPy raise on a damaged file.
    """
    if path.suffix.lower() == NUMPY:
        return as_pixels(map_numpy(path), path)
    try:
        with open_image(path, beyond_pillow=True) as image:
            if not _is_beyond_pillow(image):
                return _read_with_pillow(image, path)
            if image.format == "PNG":
                return _read_deep_png(image, path)
    except UnidentifiedImageError:
        if path.suffix.lower() not in TIFF:
            raise
    return as_pixels(read_tiff(path), path)


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


def _is_beyond_pillow(image: Image.Image) -> bool:
    """Whether Pillow would lose bits or pages of an image it has opened."""
    several = len(image.getbands()) > 1
    if image.format == "PNG":
        return several and ";16" in str(getattr(image, "tile", ()))
    if image.format != "TIFF":
        return False
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits, samples = tags.get(258, (1,)), tags.get(277, 1)
    lost = samples != len(image.getbands()) or (several and max(bits) > 8)
    return lost or misread(image) is not None or getattr(image, "n_frames", 1) > 1


def _pillow_header(image: Image.Image, path: Path) -> Header:
    height, width = _upright_size(image)
    channels = len(image.getbands())
    depth = _pillow_depth(image, path)
    if depth != "uint8":
        return Header(height, width, channels, channels, depth)
    gray = image.mode in ("1", "L", "LA", "La")
    return Header(height, width, channels, 1 if gray else 3, depth)


def _pillow_depth(image: Image.Image, path: Path) -> str:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return "uint16"
    if image.mode == "F":
        return "float32"
    if image.mode == "I":
        raise unknown_kind(path, _whole_numbers(image))
    bits_of = {"JPEG2000": jpeg2000_bits, "AVIF": heif_bits, "HEIF": heif_bits}.get(image.format or "")
    if bits_of and (bits := bits_of(path)) > 8:
        raise unknown_kind(path, f"several channels of {bits} bits, of which Pillow keeps 8")
    if image.format == "PPM":
        (tile,) = image.tile  # type: ignore[attr-defined]
        if isinstance(tile.args, tuple) and tile.args[1] > 255:
            raise unknown_kind(path, f"colours up to {tile.args[1]}, of which Pillow keeps 8 bits")
    return "uint8"


def _whole_numbers(image: Image.Image) -> str:
    """What a file holds that Pillow opens as whole numbers of 32 bits, which it does for those of 16 bits with sign."""
    bits, signed = 32, False
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        bits, signed = max(tags.get(258, (bits,))), 2 in tags.get(339, ())
    return f"whole numbers of {bits} bits{' with sign' * signed}"


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """What turns an image upright, as far as that is known before its pixels are decoded."""
    # A PNG without EXIF at its beginning would be decoded whole in search of it.
    if image.format == "PNG" and "exif" not in image.info:
        return None
    return upright_transpose(image)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an image that was opened, once it is upright."""
    width, height = image.size
    if image.format == "TIFF":  # of which Pillow's versions do not agree on the size
        width, height = image.tag_v2[256], image.tag_v2[257]  # type: ignore[attr-defined]
    return (width, height) if _orientation(image) in _ON_ITS_SIDE else (height, width)


def _read_with_pillow(image: Image.Image, path: Path) -> Pixels:
    depth, turned, ends = _pillow_depth(image, path), _orientation(image), deep_ends(image)
    decoded, _ = load(image)
    if image.format == "TIFF":  # which Pillow turns by itself
        turned = upright_transpose(decoded)
    upright = decoded if turned is None else decoded.transpose(turned)
    if depth == "uint8":
        return upright
    values = np.asarray(upright)[..., None].astype(depth)
    return to_ends(values, *ends) if ends and depth == "uint16" else values


def to_ends(values: NDArray[np.uint16], black: float, white: float) -> NDArray[np.uint16]:
    """Brings 16-bit values that have other ends than 0 and 65535, see `photos.deep_ends`, to those."""
    if (black, white) == (0.0, 65535.0):
        return values
    scaled = (values.astype(np.float64) - black) * (65535.0 / (white - black))
    return np.rint(scaled).clip(0, 65535).astype(np.uint16)


def _deep_png_tile(image: Any, path: Path) -> Any:
    """Pillow's description of where the pixels of a PNG of several channels of 16 bits are, and how they lie."""
    (tile,) = image.tile
    if tile.args not in ("RGB;16B", "RGBA;16B"):
        raise UserError(f"{path}: grey of 16 bits with transparency cannot be read; save it without, or as RGBA")
    return tile


def _read_deep_png(image: Image.Image, path: Path) -> NDArray[np.uint16]:
    """Several channels of 16 bits.

    Pillow keeps the upper byte of two. Told that the bytes lie the other way round, it keeps the lower one: both
    together are the whole.
    """
    tile = _deep_png_tile(image, path)
    turned, halves = _orientation(image), []
    for order in ("B", "L"):
        with open_image(path) as half:
            half.tile = [tile._replace(args=tile.args[:-1] + order)]
            half.load()
            halves.append(np.asarray(half if turned is None else half.transpose(turned)).astype(np.uint16))
    upper, lower = halves
    return 256 * upper + lower


def _header(shape: tuple[int, int, int], depth: str) -> Header:
    return Header(*shape, shape[2], depth)
