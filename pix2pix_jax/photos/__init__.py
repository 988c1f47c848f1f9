"""The one reader of photographs, for training, judging and colouring: what files are photographs, and their pixels."""

from pix2pix_jax.photos.formats import Format, format_of, name_to_write, with_extension
from pix2pix_jax.photos.headers import deep_ends, heif_bits, jpeg2000_bits, misread
from pix2pix_jax.photos.limits import check_size
from pix2pix_jax.photos.metadata import metadata_to_keep, save_options
from pix2pix_jax.photos.opening import load, open_image
from pix2pix_jax.photos.pixels import Conversion, conversion_of, to_rgb, upright_transpose
from pix2pix_jax.photos.readable import (
    image_extensions,
    known_suffix,
    looks_like_an_image,
    readable_formats,
    unread_reason,
)

__all__ = [
    "Conversion",
    "Format",
    "check_size",
    "conversion_of",
    "deep_ends",
    "format_of",
    "heif_bits",
    "image_extensions",
    "jpeg2000_bits",
    "known_suffix",
    "load",
    "looks_like_an_image",
    "metadata_to_keep",
    "misread",
    "name_to_write",
    "open_image",
    "readable_formats",
    "save_options",
    "to_rgb",
    "unread_reason",
    "upright_transpose",
    "with_extension",
]
