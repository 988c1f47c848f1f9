"""What an evaluation draws at random of photographs: old prints of them, and points of their true colours."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import color
from pix2pix_jax.aging import aged
from pix2pix_jax.tasks.points import points_at

_AT_ONCE = 32


def as_old_prints(images: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """Makes the luma of photographs old, each in its own way, and keeps their chroma.

    A generator's output for these shows how well it colours old prints.

    Args:
        images: RGB [N, H, W, 3].
        seed: what is drawn from.

    Returns:
        RGB [N, H, W, 3]; colours that do not exist at their new luma are clipped.
    """
    return _in_pieces(_made_old, images, seed)


def true_points(images: NDArray[np.uint8], count: int, seed: int = 0) -> NDArray[np.float32]:
    """Draws points of the true colour at random places: squares of 3 to 9 pixels, each with its mean chroma.

    Args:
        images: RGB [N, H, W, 3].
        count: how many points each image gets.
        seed: what is drawn from.

    Returns:
        As `tasks.points.points_at`, [N, H, W, 3].
    """
    return _in_pieces(lambda images, key: _points_of(images, key, count), images, seed)


def _in_pieces(draw: Callable[[NDArray, jax.Array], jax.Array], images: NDArray, seed: int) -> NDArray:
    """What `draw` makes of all images, a few at a time, each time with a key of its own."""
    starts = range(0, len(images), _AT_ONCE)
    keys = jax.random.split(jax.random.key(seed), len(starts))
    pieces = (draw(images[start : start + _AT_ONCE], key) for start, key in zip(starts, keys, strict=True))
    return np.concatenate([np.asarray(piece) for piece in pieces])


@jax.jit
def _made_old(images: jax.Array, key: jax.Array) -> jax.Array:
    ycrcb = color.rgb_to_ycrcb(color.from_pixels(images))
    rgb = color.ycrcb_to_rgb(jnp.concatenate([aged(ycrcb[..., :1], key), ycrcb[..., 1:]], -1))
    return jnp.round(255.0 * color.to_unit(rgb)).astype(jnp.uint8)


@jax.jit
def _points_of(images: jax.Array, key: jax.Array, count: jax.typing.ArrayLike) -> jax.Array:
    chroma = color.rgb_to_ycrcb(color.from_pixels(images))[..., 1:]
    return points_at(key, chroma, jnp.full(len(images), count))
