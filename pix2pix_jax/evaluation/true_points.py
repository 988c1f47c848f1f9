"""Points of colour that are drawn from the truth, to evaluate generators that follow them."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import color
from pix2pix_jax.tasks.points import points_at

_AT_ONCE = 32


def true_points(images: NDArray[np.uint8], count: int, seed: int = 0) -> NDArray[np.float32]:
    """Draws points of the true colour at random places: squares of 3 to 9 pixels, each with its mean chroma.

    Args:
        images: RGB [N, H, W, 3].
        count: how many points each image gets.
        seed: what is drawn from.

    Returns:
        As `tasks.points.points_at`, [N, H, W, 3].
    """
    starts = range(0, len(images), _AT_ONCE)
    keys = jax.random.split(jax.random.key(seed), len(starts))
    pieces = (_drawn(images[start : start + _AT_ONCE], key, count) for start, key in zip(starts, keys, strict=True))
    return np.concatenate([np.asarray(piece) for piece in pieces])


@jax.jit
def _drawn(images: jax.Array, key: jax.Array, count: jax.Array) -> jax.Array:
    chroma = color.rgb_to_ycrcb(color.from_pixels(images))[..., 1:]
    return points_at(key, chroma, jnp.full(len(images), count))
