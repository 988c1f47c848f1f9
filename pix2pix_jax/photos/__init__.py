"""The one reader of images, of any depth and number of channels; what may be read, and what may be written."""

from pix2pix_jax.photos.arrays import NUMPY
from pix2pix_jax.photos.channels import (
    Header,
    Kind,
    Pixels,
    kind_of,
    pixels_of,
    read_header,
    read_pixels,
    to_channels,
)
from pix2pix_jax.photos.limits import check_size
from pix2pix_jax.photos.metadata import metadata_to_keep, save_options
from pix2pix_jax.photos.opening import load, open_image, upright_size
from pix2pix_jax.photos.pixels import read_image, srgb_bands, upright_rgb
from pix2pix_jax.photos.readable import (
    image_extensions,
    known_suffix,
    looks_like_an_image,
    readable_formats,
    unread_reason,
)
from pix2pix_jax.photos.writable import format_of, name_to_write, with_extension

__all__ = [
    "NUMPY",
    "Header",
    "Kind",
    "Pixels",
    "check_size",
    "format_of",
    "image_extensions",
    "kind_of",
    "known_suffix",
    "load",
    "looks_like_an_image",
    "metadata_to_keep",
    "name_to_write",
    "open_image",
    "pixels_of",
    "read_header",
    "read_image",
    "read_pixels",
    "readable_formats",
    "save_options",
    "srgb_bands",
    "to_channels",
    "unread_reason",
    "upright_rgb",
    "upright_size",
    "with_extension",
]
