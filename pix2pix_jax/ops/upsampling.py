"""Upsampling convolutions for CPUs: without the upsampled image, as one matrix product."""

import jax
import jax.numpy as jnp

from pix2pix_jax.ops.products import matmul, shift, unstack, whole


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """As `plain.upsample_conv2d`, of 3×3 kernels.

    Along one axis, with taps a, b, c: of the `factor` outputs that belong to x[i], the first is
    a·x[i-1] + (b+c)·x[i], the last (a+b)·x[i] + c·x[i+1], and those between are all (a+b+c)·x[i]. So three products of
    every input are enough, p = a·x, s = (a+b+c)·x and q = c·x: the outputs are s[i] + (p[i-1] - p[i]), s[i], and
    s[i] + (q[i+1] - q[i]). In two dimensions nine products of every input are enough, where the plain form takes
    9 · factor². They are one matrix product, and so are both gradients.
    """
    batch, height, width, channels = x.shape
    features = kernel.shape[-1]
    # First taps, sums and last taps of rows, and of columns. A reduction of so few is slow on a CPU.
    kernel = jnp.stack([kernel[0], kernel[0] + kernel[1] + kernel[2], kernel[2]])
    kernel = jnp.stack([kernel[:, 0], kernel[:, 0] + kernel[:, 1] + kernel[:, 2], kernel[:, 2]], 1)
    matrix = kernel.transpose(2, 1, 0, 3).reshape(channels, -1)
    products = matmul(x.astype(jnp.float32), matrix, x.dtype).reshape(batch, height, width, 3, 3, features)
    y = _spread(_spread(products, 3, 2, factor), 4, 1, factor)
    return whole(y.reshape(batch, factor * height, factor * width, features))


def _spread(products: jax.Array, products_at: int, axis: int, factor: int) -> jax.Array:
    """The outputs along an axis, on a new axis behind it, from the three products."""
    first, between, last = unstack(products, products_at)
    first = between + shift(first, 1, axis) - first
    last = between + shift(last, -1, axis) - last
    return jnp.stack([first, *[between] * (factor - 2), last], axis + 1)
