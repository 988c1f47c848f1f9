"""What the convolutions are made of: matrix products, and windows of images with few channels."""

import jax
import jax.numpy as jnp
from jax import lax

BLOCK = 4
"""Pixels of a row whose windows are taken together: with more, fewer copies of each pixel, and more products with 0."""


def matmul(x: jax.Array, matrix: jax.Array, transposed: bool = False) -> jax.Array:
    """X [..., in] times a matrix [in, out], or [out, in] if `transposed`, in x's dtype, added up in float32."""
    # XLA's CPU backend makes float32 of bfloat16 factors of which one is the result of a transposition.
    dimensions = ((1,), (int(transposed),)), ((), ())
    factors = x.reshape(-1, x.shape[-1]), matrix.astype(x.dtype)
    return lax.dot_general(*factors, dimensions, preferred_element_type=jnp.float32).reshape(*x.shape[:-1], -1)


def outer(x: jax.Array, y: jax.Array) -> jax.Array:
    """Sum over all leading axes of the outer products of x [..., m] and y [..., n]: float32 [m, n]."""
    x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
    if x.dtype == jnp.float32:
        return jnp.matmul(x.T, y)
    # In two pieces it is no transposition to XLA, see `matmul`; and as bits none that it makes float32 of on the way.
    bits = lax.bitcast_convert_type(x, jnp.uint16)
    pieces = jnp.concatenate([piece.T for piece in jnp.split(bits, [x.shape[1] // 2], 1)])
    return jnp.matmul(lax.bitcast_convert_type(pieces, x.dtype), y, preferred_element_type=jnp.float32)


def shift(x: jax.Array, by: int, axis: int) -> jax.Array:
    """Moves x along an axis, to higher indices where `by` is positive; zeros come in."""
    padding = [(0, 0, 0)] * x.ndim
    padding[axis] = (by, -by, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), padding)


def take_windows(x: jax.Array, size: int) -> jax.Array:
    """All that a size × size convolution sees of x from the pixels of each block of a row.

    Args:
        x: [batch, height, width, channels], width divisible by `BLOCK`.
        size: side of the kernel, odd.

    Returns:
        [batch, height, width / BLOCK, size · (BLOCK + size - 1) · channels].
    """
    margin, edge = size // 2, size // 2 * x.shape[-1]
    x = take_blocks(x)
    before, after = x[..., -edge:], x[..., :edge]
    x = jnp.concatenate([shift(before, 1, 2), x, shift(after, -1, 2)], -1)
    return jnp.concatenate([shift(x, margin - row, 1) for row in range(size)], -1)


def fold(windows: jax.Array, size: int, channels: int) -> jax.Array:
    """The transpose of `take_windows`: adds up what overlaps, to [batch, height, width, channels]."""
    batch, height, blocks, _ = windows.shape
    margin = size // 2
    x = windows.reshape(batch, height, blocks, size, -1)
    before, x, after = jnp.split(x, [margin * channels, (margin + BLOCK) * channels], -1)
    first, middle, last = jnp.split(x, [margin * channels, (BLOCK - margin) * channels], -1)
    x = jnp.concatenate([first + shift(after, 1, 2), middle, last + shift(before, -1, 2)], -1)
    x = sum((shift(x[..., row, :], row - margin, 1) for row in range(size)), start=jnp.zeros((), windows.dtype))
    return x.reshape(batch, height, blocks * BLOCK, channels)


def window_matrix(kernel: jax.Array) -> jax.Array:
    """A kernel [size, size, in, out] as the matrix that takes windows of x to blocks of pixels [BLOCK · out]."""
    shifted = [jnp.pad(kernel, ((0, 0), (pixel, BLOCK - 1 - pixel), (0, 0), (0, 0))) for pixel in range(BLOCK)]
    return jnp.stack(shifted, 3).reshape(-1, BLOCK * kernel.shape[3])


def take_blocks(x: jax.Array) -> jax.Array:
    """The pixels of each block of a row side by side: [batch, height, width / BLOCK, BLOCK · channels]."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height, width // BLOCK, BLOCK * channels)


def transposed_kernel(kernel: jax.Array) -> jax.Array:
    """The kernel of the convolution that takes a gradient back to the input."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
