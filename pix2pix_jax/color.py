"""BT.601 full-range colour spaces as 3×3 matrices, applied as an einsum over the channel axis.

Everything here is in the networks' units, [-1, 1]: RGB and luma as 2x - 1, chroma (Cr, Cb) as 2x. In these units
the transform has no offset, because the luma weights sum to 1: one matrix per direction is all there is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

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
    """Turns RGB into luma and chroma.

    Args:
        rgb: float [..., 3], each channel in [-1, 1].

    Returns:
        Y, Cr, Cb, float [..., 3], each in [-1, 1]. The inverse of `ycrcb_to_rgb` within 1e-6 in float32.
    """
    return _transform(RGB_TO_YCRCB, rgb)


def ycrcb_to_rgb(ycrcb: jax.Array) -> jax.Array:
    """Turns luma and chroma into RGB.

    Args:
        ycrcb: Y, Cr, Cb, float [..., 3], each in [-1, 1].

    Returns:
        RGB, float [..., 3]. Not clipped: chroma that no colour of that luma has leaves [-1, 1].
    """
    return _transform(YCRCB_TO_RGB, ycrcb)


def from_uint8(images: jax.Array) -> jax.Array:
    """Scales uint8 [...] in 0..255 to float32 [...] in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1.0


def to_unit(images: jax.Array) -> jax.Array:
    """Scales float [...] in [-1, 1] to [0, 1], clipping what lies outside."""
    return jnp.clip((images + 1.0) / 2.0, 0.0, 1.0)


def to_gray(rgb: np.ndarray) -> np.ndarray:
    """Luma of RGB images, on the host: [..., 3] in [0, 1] to float32 [..., 1] in [0, 1]."""
    return (rgb @ LUMA_WEIGHTS).astype(np.float32)[..., None].clip(0.0, 1.0)


def to_uint8(images: NDArray) -> NDArray[np.uint8]:
    """Images as uint8, whether they are that or floating point in [0, 1]; what lies outside is clipped."""
    if images.dtype == np.uint8:
        return images
    return np.round(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)
