"""How large an image may be: the one limit of all that decode."""

from pathlib import Path

from PIL import Image

# A blank page has up to 8,256 pixels a byte in PNG, and some 40,000 in a fax's compression; photographs have up to 50.
_DENSEST = 20_000
_MANY_PIXELS = 40_000_000  # up to which there is no harm

_FEW_CHANNELS = 4  # of which an image of the limit's size may have 8 or 16 bits


def check_size(width: int, height: int, path: Path, channels: int = 1) -> None:
    """Makes sure, before an image is decoded, that it does not fill the memory.

    The limit is that of Pillow, twice `Image.MAX_IMAGE_PIXELS`, which commands and callers may set. Of more than four
    channels so much less.

    Args:
        width: px, as the header says.
        height: px.
        path: the file.
        channels: values a pixel.

    Raises:
        DecompressionBombError: if it is larger than the limit.
        ValueError: if the file is too small to hold so many pixels.
    """
    pixels = width * height
    most = 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else None
    if most is not None and pixels * max(channels, _FEW_CHANNELS) > most * _FEW_CHANNELS:
        raise Image.DecompressionBombError(
            f"it has {width}×{height} pixels of {channels} channels, and more than {most / 1e6:.0f} megapixels of up to"
            f" {_FEW_CHANNELS} channels are not read"
        )
    size = path.stat().st_size
    if pixels > _MANY_PIXELS and pixels > _DENSEST * size:
        raise ValueError(f"its header says {pixels // 10**6} megapixels, in {size:,} bytes, which no photograph has")
