"""Photographs as old prints, in their colours: what a generator is judged on that is to colour those."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import color
from pix2pix_jax.aging import aged

_AT_ONCE = 32


def as_old_prints(images: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """Makes the luma of photographs old, each in its own way, and keeps their chroma.

    Args:
        images: RGB [N, H, W, 3].
        seed: what is drawn from.

    Returns:
        RGB [N, H, W, 3]; colours that do not exist at their new luma are clipped.
    """
    starts = range(0, len(images), _AT_ONCE)
    keys = jax.random.split(jax.random.key(seed), len(starts))
    return np.concatenate(
        [_made_old(images[start : start + _AT_ONCE], key) for start, key in zip(starts, keys, strict=True)]
    )


@jax.jit
def _made_old(images: jax.Array, key: jax.Array) -> jax.Array:
    ycrcb = color.rgb_to_ycrcb(color.from_pixels(images))
    rgb = color.ycrcb_to_rgb(jnp.concatenate([aged(ycrcb[..., :1], key), ycrcb[..., 1:]], -1))
    return jnp.round(255.0 * color.to_unit(rgb)).astype(jnp.uint8)
