"""Colour spaces: BT.601 full range as 3×3 matrices, applied as an einsum over the channel axis, and CIELAB.

Everything here is in the networks' units, [-1, 1]: RGB and luma as 2x - 1, chroma (Cr, Cb) as 2x. In these units
the transform has no offset, because the luma weights sum to 1: one matrix per direction is all there is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike, NDArray

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])
"""BT.601: Y = 0.299 R + 0.587 G + 0.114 B."""

CR_RANGE = 1.402
"""R - Y for a Cr of 1."""

CB_RANGE = 1.772
"""B - Y for a Cb of 1."""

RGB_TO_YCRCB = np.stack(
    [
        LUMA_WEIGHTS,
        (np.array([1.0, 0.0, 0.0]) - LUMA_WEIGHTS) / CR_RANGE,
        (np.array([0.0, 0.0, 1.0]) - LUMA_WEIGHTS) / CB_RANGE,
    ]
)
"""Rows Y, Cr, Cb; columns R, G, B. Float64 [3, 3]."""

YCRCB_TO_RGB = np.linalg.inv(RGB_TO_YCRCB)
"""Rows R, G, B; columns Y, Cr, Cb. Float64 [3, 3]."""


def _transform(matrix: np.ndarray, image: jax.Array) -> jax.Array:
    # The products cost nothing; in TF32 or bfloat16, which some devices would choose, they cost three digits.
    return jnp.einsum("...c,kc->...k", image, jnp.asarray(matrix, image.dtype), precision=jax.lax.Precision.HIGHEST)


def rgb_to_ycrcb(rgb: jax.Array) -> jax.Array:
    """Turns RGB into Y, Cr, Cb, both float [..., 3] in [-1, 1]; inverts `ycrcb_to_rgb` within 1e-6 in float32."""
    return _transform(RGB_TO_YCRCB, rgb)


def ycrcb_to_rgb(ycrcb: jax.Array) -> jax.Array:
    """Turns Y, Cr, Cb, float [..., 3] in [-1, 1], into RGB, which is not clipped: it may leave [-1, 1]."""
    return _transform(YCRCB_TO_RGB, ycrcb)


_RGB_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / np.array([[0.95047], [1.0], [1.08883]])
"""Linear sRGB to CIE XYZ, relative to the white point D65 of the 2° observer. Float64 [3, 3]."""

_XYZ_TO_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
"""Cube roots of XYZ to L + 16, a, b. Float64 [3, 3]."""

_LAB_OFFSET, _LAB_SCALE = np.array([16.0 + 50.0, 0.0, 0.0]), np.array([50.0, 110.0, 110.0])
"""L + 16, a, b less the offset, over the scale, lie in [-1, 1]."""

_KINK = 6.0 / 29.0  # below this cube root, CIELAB is linear


def rgb_to_lab(rgb: jax.Array) -> jax.Array:
    """Turns sRGB into CIELAB as the pix2pix authors scale it: L / 50 - 1, a / 110, b / 110; [..., 3] in [-1, 1]."""
    value = (rgb + 1.0) / 2.0
    linear = jnp.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    xyz = _transform(_RGB_TO_XYZ, linear)
    root = jnp.where(xyz > _KINK**3, jnp.cbrt(xyz), xyz / (3.0 * _KINK**2) + 4.0 / 29.0)
    return (_transform(_XYZ_TO_LAB, root) - jnp.asarray(_LAB_OFFSET, rgb.dtype)) / jnp.asarray(_LAB_SCALE, rgb.dtype)


def lab_to_rgb(lab: jax.Array) -> jax.Array:
    """Turns what `rgb_to_lab` gives into sRGB, float [..., 3], clipped to [-1, 1]; inverts it within 1e-4."""
    unscaled = lab * jnp.asarray(_LAB_SCALE, lab.dtype) + jnp.asarray(_LAB_OFFSET, lab.dtype)
    root = _transform(np.linalg.inv(_XYZ_TO_LAB), unscaled)
    xyz = jnp.where(root > _KINK, root**3, 3.0 * _KINK**2 * (root - 4.0 / 29.0))
    linear = jnp.clip(_transform(np.linalg.inv(_RGB_TO_XYZ), xyz), 0.0, 1.0)
    # A power of 0 has no gradient, even where it is not taken.
    value = jnp.where(linear > 0.0031308, 1.055 * jnp.maximum(linear, 0.0031308) ** (1.0 / 2.4) - 0.055, 12.92 * linear)
    return 2.0 * value - 1.0


def joined_rgb(*images: jax.Array) -> jax.Array:
    """Grey or RGB images [batch, height, width, 1 or 3], all as RGB, one behind another along the channels."""
    return jnp.concatenate([jnp.broadcast_to(image, (*image.shape[:3], 3)) for image in images], -1)


def from_pixels(images: jax.Array) -> jax.Array:
    """Scales stored images to the networks' units.

    Args:
        images: uint8 in 0..255, uint16 in 0..65535, or float32 in [0, 1]; any shape.

    Returns:
        float32 in [-1, 1], of the same shape.
    """
    if images.dtype == jnp.uint8:
        return images.astype(jnp.float32) / 127.5 - 1.0
    if images.dtype == jnp.uint16:
        return images.astype(jnp.float32) / 32767.5 - 1.0
    return 2.0 * images - 1.0


def to_unit(images: jax.Array) -> jax.Array:
    """Scales float [...] in [-1, 1] to [0, 1], clipping what lies outside."""
    return jnp.clip((images + 1.0) / 2.0, 0.0, 1.0)


def to_gray(rgb: np.ndarray) -> np.ndarray:
    """Luma of RGB images, on the host: [..., 3] in [0, 1] to float32 [..., 1] in [0, 1]."""
    return (rgb @ LUMA_WEIGHTS).astype(np.float32)[..., None].clip(0.0, 1.0)


def as_unit(images: NDArray) -> NDArray[np.float32]:
    """Scales stored images, on the host, to float32 in [0, 1].

    Args:
        images: uint8, uint16 or floating point in [0, 1]; any shape.

    Raises:
        ValueError: if `images` has another dtype or leaves its range; clipping would only hide that.
    """
    if images.dtype in (np.uint8, np.uint16):
        return images.astype(np.float32) / np.float32(np.iinfo(images.dtype).max)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"expected uint8, uint16 or floating point, got {images.dtype}")
    low, high = images.min(), images.max()
    if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails too
        raise ValueError(f"expected floating point in [0, 1], got {low:g} to {high:g}")
    return images.astype(np.float32, copy=False)


def as_stored(images: NDArray, dtype: DTypeLike = np.uint8) -> NDArray:
    """Images as files hold them.

    Args:
        images: uint8, uint16 or floating point in [0, 1], of which what lies outside is clipped; any shape.
        dtype: uint8 or uint16, to which values are rounded; or a floating point, which gives float32 in [0, 1].
    """
    dtype = np.dtype(dtype)
    if images.dtype == dtype and dtype.kind == "u":
        return images
    unit = np.clip(images if images.dtype.kind == "f" else as_unit(images), 0.0, 1.0)
    if dtype.kind != "u":
        return unit.astype(np.float32)
    return np.rint(unit * np.float32(np.iinfo(dtype).max)).astype(dtype)
