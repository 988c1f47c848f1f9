"""Upsampling convolutions for CPUs: without the upsampled image, as one matrix product."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from pix2pix_jax.ops import windows
from pix2pix_jax.ops.windows import shift


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling followed by a 3×3 convolution, computed without the upsampled image.

    Along one axis, with taps a, b, c: of the `factor` outputs that belong to x[i], the first is
    a·x[i-1] + (b+c)·x[i], the last (a+b)·x[i] + c·x[i+1], and those between are all (a+b+c)·x[i]. So three products of
    every input are enough, p = a·x, s = (a+b+c)·x and q = c·x: the outputs are s[i] + (p[i-1] - p[i]), s[i], and
    s[i] + (q[i+1] - q[i]). In two dimensions nine products of every input are enough, where the plain form takes
    9 · factor². They are one matrix product, and so are both gradients.

    Args:
        x: [batch, height, width, in], float32 or bfloat16.
        kernel: float32 [3, 3, in, out].
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, factor · height, factor · width, out].
    """
    batch, height, width, _ = x.shape
    features = kernel.shape[-1]
    products = windows.matmul(x, _product_matrix(kernel)).reshape(batch, height, width, 3, 3, features)
    y = _spread(_spread(products, 3, 2, factor), 4, 1, factor)
    return y.reshape(batch, factor * height, factor * width, features)


def _forward(x: jax.Array, kernel: jax.Array, factor: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return upsample_conv2d(x, kernel, factor), (x, kernel)


def _backward(factor: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    batch, height, width, _ = x.shape
    gradient = gradient.reshape(batch, height, factor, width, factor, kernel.shape[-1])
    products = _gather(_gather(gradient, 1, 4), 2, 3).reshape(batch, height, width, -1).astype(x.dtype)
    matrix, matrix_vjp = jax.vjp(_product_matrix, kernel)
    x_gradient = windows.matmul(products, matrix, transposed=True).astype(x.dtype)
    return x_gradient, *matrix_vjp(windows.outer(x, products))


upsample_conv2d.defvjp(_forward, _backward)


def _product_matrix(kernel: jax.Array) -> jax.Array:
    """The matrix [in, 9 · out] of `upsample_conv2d`: first taps, sums, last taps of columns, by those of rows."""
    # A reduction of so few is slow on a CPU.
    kernel = jnp.stack([kernel[0], kernel[0] + kernel[1] + kernel[2], kernel[2]])
    kernel = jnp.stack([kernel[:, 0], kernel[:, 0] + kernel[:, 1] + kernel[:, 2], kernel[:, 2]], 1)
    return kernel.transpose(2, 1, 0, 3).reshape(kernel.shape[2], -1)


def _spread(products: jax.Array, products_at: int, axis: int, factor: int) -> jax.Array:
    """The outputs along an axis, on a new axis behind it, from the three products."""
    first, between, last = _unstack(products, products_at)
    first = between + shift(first, 1, axis) - first
    last = between + shift(last, -1, axis) - last
    return jnp.stack([first, *[between] * (factor - 2), last], axis + 1)


def _gather(gradient: jax.Array, axis: int, products_at: int) -> jax.Array:
    """The transpose of `_spread`: gradients of the three products from those of the outputs, on the axis behind."""
    outputs = _unstack(gradient, axis + 1)
    first, last = outputs[0], outputs[-1]
    # Added up as slices: a reduction of so few is slow on a CPU, above all in bfloat16.
    sums = sum(outputs[1:], start=first)
    return jnp.stack([shift(first, -1, axis) - first, sums, shift(last, 1, axis) - last], products_at)


def _unstack(x: jax.Array, axis: int) -> list[jax.Array]:
    return [lax.index_in_dim(x, index, axis, keepdims=False) for index in range(x.shape[axis])]
