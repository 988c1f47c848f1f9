"""From an image file to RGB pixels, the right way up."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

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

_WHITE = (255, 255, 255, 255)


def open_image(path: Path) -> ImageFile.ImageFile:
    """Opens an image file and reads its header, not its pixels.

    Args:
        path: the file, in any format Pillow reads, whatever its extension.

    Returns:
        Pillow's image, to be closed.

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    # Left alone, Pillow tries one format after another: several times slower.
    likely = Image.EXTENSION.get(path.suffix.lower())
    if likely in Image.OPEN:
        try:
            return Image.open(path, formats=(likely,))
        except UnidentifiedImageError:
            pass  # a wrong extension
    return Image.open(path)


def read_image(path: Path, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decodes an image file.

    The EXIF orientation is applied. Palettes, grey, CMYK and the like become RGB; 16-bit grey keeps
    its upper 8 bits (rounded); what is transparent lies on white. Of an animation, the first frame
    is taken.

    Args:
        path: the file, in any format Pillow reads.
        shorter_side: if the photograph will be reduced to this shorter side (px) anyway. A JPEG is
            then decoded at 1/2, 1/4 or 1/8 of its size where twice the shorter side remains: many
            times faster, and what is left of the reduction is enough for a good filter.

    Returns:
        RGB in [0, 255], uint8 [H, W, 3].

    Raises:
        Exception: whatever Pillow raises on a damaged file; its plugins do not agree on a type.
    """
    with open_image(path) as image:
        if shorter_side is not None:
            image.draft(None, (2 * shorter_side, 2 * shorter_side))
        return upright_rgb(image)


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Decodes an open image: RGB in [0, 255], uint8 [H, W, 3]; see `read_image`, errors included."""
    image.load()
    upright = upright_transpose(image)
    return to_rgb(image.transpose(upright) if upright is not None else image)


def upright_transpose(image: Image.Image) -> Image.Transpose | None:
    """What turns a loaded image upright, by its EXIF orientation; None where it is upright, or does not say."""
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block must not cost the photograph
        return None


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels of an image of any Pillow mode as RGB, uint8 [H, W, 3]."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return np.asarray(image)
    if image.mode.startswith("I;16"):
        return _gray_to_rgb((np.asarray(image).astype(np.uint32) + 128) // 257)
    if image.mode in ("I", "F"):
        # 32-bit pixels have no agreed white: the image's own darkest and brightest become the ends.
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        darkest, brightest = values.min(), values.max()
        return _gray_to_rgb(np.rint((values - darkest) * (255 / max(brightest - darkest, 1e-9))))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, _WHITE)
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _gray_to_rgb(gray: NDArray[np.generic]) -> NDArray[np.uint8]:
    """[H, W] with values in [0, 255] to uint8 [H, W, 3]."""
    return np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1)
