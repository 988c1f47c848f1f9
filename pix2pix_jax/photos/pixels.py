"""From a decoded image of any mode to sRGB pixels of 8 bits, the right way up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from pix2pix_jax.photos.headers import deep_ends, is_negative, is_unsigned
from pix2pix_jax.photos.profiles import profile_of

# Large photographs are read in bands, so that what a conversion takes on the way stays small.
_BAND_PIXELS = 2**22

# How a photograph was held when taken (EXIF 2.32, tag 0x0112), and what turns it upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_WHITES = (1.0, 255.0, 65535.0)  # that floating point is known to have


def upright_transpose(image: Image.Image) -> Image.Transpose | None:
    """What turns a loaded image upright, by its EXIF orientation; None where it is upright, or does not say."""
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block must not cost the photograph
        return None


@dataclass(frozen=True)
class Conversion:
    """What brings an image to sRGB.

    Attributes:
        notes: what the user should know of how it is read, a line each.
    """

    image: Image.Image
    notes: tuple[str, ...]
    _transform: ImageCms.ImageCmsTransform | None
    _to_8_bits: Callable[[Image.Image], Image.Image] | None

    @property
    def is_idle(self) -> bool:
        """Whether the image is RGB, opaque and sRGB as it is."""
        image = self.image
        return image.mode == "RGB" and self._transform is None and not image.has_transparency_data

    def bands(self) -> Iterator[tuple[slice, Image.Image, Image.Image | None]]:
        """Cuts the image into bands of rows.

        Yields:
            The rows; their pixels, sRGB, of mode "L" or "RGB"; their opacity, of mode "L", where it has one.
        """
        for rows in _rows(self.image):
            deep = band = self.image.crop((0, rows.start, self.image.width, rows.stop))
            alpha = None
            if self.image.has_transparency_data:
                band = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
                alpha = band.getchannel("A")
            yield rows, self._to_srgb(band if self._to_8_bits is None else self._to_8_bits(deep)), alpha

    def _to_srgb(self, band: Image.Image) -> Image.Image:
        """Mode "L" or "RGB" of a band of at most 8 bits a channel."""
        if self._transform is not None:
            wanted = str(self._transform.inputMode)
            return self._transform.apply(band if band.mode == wanted else band.convert(wanted))
        if band.mode in ("L", "RGB"):
            return band
        return band.convert("L" if band.mode == "1" else "RGB")


def conversion_of(image: Image.Image) -> Conversion:
    """What brings an image to sRGB.

    An ICC profile is honoured, its own or one that its header implies. Grey of more than 8 bits is rounded to 8, from
    the black and white that the header says. 32-bit integers count as 16-bit grey where all of them are within its
    range, floating-point pixels as having their white at 1, 255 or 65535, the least that holds them all; otherwise the
    darkest becomes black and the brightest white.

    Args:
        image: a decoded image of any mode; of an animation, the frame it stands at.
    """
    transform, notes = profile_of(image)
    return Conversion(image, notes, transform, _to_8_bits(image))


_SPEAKING = {"icc_profile", "gamma", "exif"}  # what may say that an image is not sRGB


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """A decoded image of any mode as sRGB [H, W, 3], with what is transparent on white; not turned upright."""
    if image.mode == "RGB" and not image.info.keys() & _SPEAKING and not image.has_transparency_data:
        return np.asarray(image)  # most photographs
    conversion = conversion_of(image)
    if conversion.is_idle:
        return np.asarray(image)
    width, height = image.size
    rgb = np.empty((height, width, 3), np.uint8)
    for rows, pixels, alpha in conversion.bands():
        if alpha is not None:
            white = Image.new(pixels.mode, pixels.size, "white")
            pixels = Image.composite(pixels, white, alpha)
        rgb[rows] = np.asarray(pixels.convert("RGB"))
    return rgb


def _rows(image: Image.Image) -> Iterator[slice]:
    """The rows of an image, in bands."""
    step = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, step):
        yield slice(top, min(top + step, image.height))


def _to_8_bits(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What brings a band of an image to at most 8 bits a channel; None where it has no more."""
    if image.mode.startswith("I;16"):
        black, white = deep_ends(image) or (0.0, 65535.0)
    elif image.mode in ("I", "F"):
        black, white = _found_ends(image)
    else:
        return None
    return lambda band: _scaled(band, black, white)


def _found_ends(image: Image.Image) -> tuple[float, float]:
    """Black and white of 32-bit pixels, whose header hardly says them; what is not finite does not count."""
    darkest, brightest = np.inf, -np.inf
    for rows in _rows(image):
        values = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
        values = values[np.isfinite(values)]
        if values.size:
            darkest, brightest = min(darkest, float(values.min())), max(brightest, float(values.max()))
    said = deep_ends(image) if image.mode == "I" else None
    whites = (max(said),) if said else (65535.0,) if image.mode == "I" else _WHITES
    if image.mode == "I" and darkest < 0.0 and is_unsigned(image):
        raise ValueError("its whole numbers of 32 bits are larger than Pillow holds: save it with 16 bits")
    black, white = (darkest, brightest) if darkest <= brightest else (0.0, 1.0)
    if black >= 0.0 and white <= whites[-1]:
        black, white = 0.0, next(value for value in whites if white <= value)
    return (white, black) if is_negative(image) else (black, white)


def _scaled(band: Image.Image, black: float, white: float) -> Image.Image:
    """Mode "L" of an image of one channel, whose values go from black to white."""
    scale = 255.0 / (white - black) if abs(white - black) >= 1e-9 else 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite, and becomes black or white
        values = np.nan_to_num(np.asarray(band).astype(np.float64))
        return Image.fromarray(np.rint((values - black) * scale).clip(0, 255).astype(np.uint8))
