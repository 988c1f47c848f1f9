"""Convolutions of images that are upsampled to the nearest neighbour, without the upsampled image.

All take the input in the dtype of the computation and the kernel in float32, and return float32, which is what a batch
norm wants. Products are of the input's dtype and added up in float32.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pix2pix_jax import cpu
from pix2pix_jax.convolutions import FEW, LARGEST, conv2d
from pix2pix_jax.windows import (
    BLOCK,
    fold,
    matmul,
    outer,
    shift,
    take_blocks,
    take_windows,
    transposed_kernel,
    window_matrix,
)


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling followed by a 3×3 convolution, computed without the upsampled tensor.

    Along one axis, with taps a, b, c: of the `factor` outputs that belong to x[i], the first is
    a·x[i-1] + (b+c)·x[i], the last (a+b)·x[i] + c·x[i+1], and those between are all (a+b+c)·x[i]. So three products of
    every input are enough, p = a·x, s = (a+b+c)·x and q = c·x: the outputs are s[i] + (p[i-1] - p[i]), s[i], and
    s[i] + (q[i+1] - q[i]). In two dimensions nine products of every input are enough, where the plain form takes
    9 · factor². They are one matmul, and so are both gradients.

    Outputs that are equal are returned once: three per axis of those that belong to an input are enough, the first,
    one between, the last (the first and the last alone where factor is 2). `repeat_between` makes all of them.

    Args:
        x: [batch, height, width, in], float32 or bfloat16.
        kernel: float32 [3, 3, in, out].
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, height, n, width, n, out], n = min(factor, 3); repeated, it equals the plain form to rounding.
    """
    return _upsample_conv2d(x, kernel, factor > 2)


def skip_conv2d(x: jax.Array, skip: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Convolution of an upsampled image with a skip connection beside it, both in its channels.

    On a CPU neither the upsampled image nor the concatenation is made: a matrix takes what differs of x to products,
    another one skip, and the products are added up.

    Args:
        x: [batch, height, n, width, n, in], equal outputs of an upsampling once, in the order of `upsample_conv2d`.
        skip: [batch, factor · height, factor · width, more], dtype of x.
        kernel: float32 [size, size, in + more, out], size odd.
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, factor · height, factor · width, out]: `conv2d` of `repeat_between(x, factor)` and skip,
        concatenated in this order, to rounding.
    """
    size, _, _, features = kernel.shape
    few = 1 < size <= LARGEST and features <= FEW and factor == BLOCK
    if few and jax.default_backend() == "cpu":
        return _skip_conv2d_to_few(x, skip, kernel)
    return conv2d(jnp.concatenate([repeat_between(x, factor), skip], -1), kernel)


def between_counts(factor: int) -> tuple[int, ...]:
    """How many of the `factor` outputs of an input along one axis are equal to each that `upsample_conv2d` returns."""
    return (1, factor - 2, 1) if factor > 2 else (1, 1)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def repeat_between(x: jax.Array, factor: int) -> jax.Array:
    """All outputs of an upsampling convolution, from those that differ.

    Args:
        x: [batch, height, n, width, n, channels], in the order of `upsample_conv2d`.
        factor: upsampling factor, at least 2.

    Returns:
        [batch, factor · height, factor · width, channels].
    """
    batch, height, _, width, _, channels = x.shape
    x = _repeat(_repeat(x, factor, 4), factor, 2)
    return x.reshape(batch, factor * height, factor * width, channels)


def _repeat_between_forward(x: jax.Array, factor: int) -> tuple[jax.Array, None]:
    return repeat_between(x, factor), None


def _repeat_between_backward(factor: int, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    batch, height, width, channels = gradient.shape
    gradient = gradient.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return (_sum_repeated(_sum_repeated(gradient, factor, 4), factor, 2),)


repeat_between.defvjp(_repeat_between_forward, _repeat_between_backward)


def _repeat(x: jax.Array, factor: int, axis: int) -> jax.Array:
    """All `factor` outputs along an axis, from those that differ."""
    counts = between_counts(factor)
    parts = zip(jnp.split(x, len(counts), axis), counts, strict=True)
    return jnp.concatenate([part for part, count in parts for _ in range(count)], axis)


def _sum_repeated(x: jax.Array, factor: int, axis: int) -> jax.Array:
    """The transpose of `_repeat`: adds up what belongs to equal outputs.

    What JAX derives pads every part to the whole and adds up the wholes. A reduction, which would be shorter, is slow
    in bfloat16 on a CPU: it costs a tenth of the step.
    """
    starts = np.cumsum(between_counts(factor))[:-1]
    parts = [jnp.split(part, part.shape[axis], axis) for part in jnp.split(x, starts, axis)]
    return jnp.concatenate([sum(part[1:], start=part[0]) for part in parts], axis)


def _product_matrix(kernel: jax.Array) -> jax.Array:
    """The matrix [in, 9 · out] of `upsample_conv2d`: first taps, sums, last taps of columns, by those of rows."""
    # A reduction of so few is slow on a CPU.
    kernel = jnp.stack([kernel[0], kernel[0] + kernel[1] + kernel[2], kernel[2]])
    kernel = jnp.stack([kernel[:, 0], kernel[:, 0] + kernel[:, 1] + kernel[:, 2], kernel[:, 2]], 1)
    return kernel.transpose(2, 1, 0, 3).reshape(kernel.shape[2], -1)


def _spread(products: jax.Array, products_at: int, axis: int, inner: bool) -> jax.Array:
    """The outputs along an axis, on a new axis behind it, from the three products; `inner` if there are any between."""
    first, between, last = _unstack(products, products_at)
    first = between + shift(first, 1, axis) - first
    last = between + shift(last, -1, axis) - last
    return jnp.stack([first, between, last] if inner else [first, last], axis + 1)


def _gather(gradient: jax.Array, axis: int, products_at: int) -> jax.Array:
    """The transpose of `_spread`: gradients of the three products from those of the outputs, on the axis behind."""
    outputs = _unstack(gradient, axis + 1)
    first, last = outputs[0], outputs[-1]
    sums = sum(outputs[1:], start=first)
    return jnp.stack([shift(first, -1, axis) - first, sums, shift(last, 1, axis) - last], products_at)


def _unstack(x: jax.Array, axis: int) -> list[jax.Array]:
    return [lax.index_in_dim(x, index, axis, keepdims=False) for index in range(x.shape[axis])]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _upsample_conv2d(x: jax.Array, kernel: jax.Array, inner: bool) -> jax.Array:
    batch, height, width, _ = x.shape
    features = kernel.shape[-1]
    products = matmul(x, _product_matrix(kernel)).reshape(batch, height, width, 3, 3, features)
    return _spread(_spread(products, 3, 2, inner), 4, 1, inner)


def _upsample_conv2d_forward(
    x: jax.Array, kernel: jax.Array, inner: bool
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _upsample_conv2d(x, kernel, inner), (x, kernel)


def _upsample_conv2d_backward(
    inner: bool, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    matrix, matrix_vjp = jax.vjp(_product_matrix, kernel)
    products = _gather(_gather(gradient, 1, 4), 2, 3).reshape(*x.shape[:3], -1).astype(x.dtype)
    return matmul(products, matrix, transposed=True).astype(x.dtype), *matrix_vjp(outer(x, products))


_upsample_conv2d.defvjp(_upsample_conv2d_forward, _upsample_conv2d_backward)


def _skip_matrices(kernel: jax.Array, channels: int) -> tuple[jax.Array, jax.Array]:
    """The matrices of x and of skip, with a column for each channel of a block; x's equal columns are added up."""
    matrix = window_matrix(transposed_kernel(kernel)).reshape(-1, BLOCK, kernel.shape[2])
    ours, skips = jnp.split(matrix, [channels], -1)
    return _sum_repeated(ours, BLOCK, 1).reshape(len(matrix), -1), skips.reshape(len(matrix), -1)


@jax.custom_vjp
def _skip_conv2d_to_few(x: jax.Array, skip: jax.Array, kernel: jax.Array) -> jax.Array:
    size, _, _, features = kernel.shape
    blocks = take_blocks(skip)
    matrix, skip_matrix = _skip_matrices(kernel, x.shape[-1])
    products = matmul(x.reshape(*x.shape[:4], -1), matrix, transposed=True)
    skip_matrix = cpu.after(skip_matrix, x)  # the skip is there long before x
    products = _repeat(products, BLOCK, 2).reshape(*blocks.shape[:3], -1)
    return fold(products + matmul(blocks, skip_matrix, transposed=True), size, features)


def _skip_conv2d_to_few_forward(
    x: jax.Array, skip: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
    return _skip_conv2d_to_few(x, skip, kernel), (x, skip, kernel)


def _skip_conv2d_to_few_backward(
    saved: tuple[jax.Array, jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, skip, kernel = saved
    size = kernel.shape[0]
    (matrix, skip_matrix), matrices_vjp = jax.vjp(partial(_skip_matrices, channels=x.shape[-1]), kernel)
    windows = take_windows(gradient.astype(x.dtype), size)
    skip_gradient = matmul(windows, skip_matrix).reshape(skip.shape).astype(x.dtype)
    skip_matrix_gradient = outer(windows, take_blocks(skip))
    batch, height, _, width = x.shape[:4]
    windows = _sum_repeated(windows.reshape(batch, height, BLOCK, width, -1), BLOCK, 2)
    x_gradient = matmul(windows, matrix).reshape(x.shape).astype(x.dtype)
    matrix_gradient = outer(windows, x.reshape(*x.shape[:4], -1))
    return x_gradient, skip_gradient, *matrices_vjp((matrix_gradient, skip_matrix_gradient))


_skip_conv2d_to_few.defvjp(_skip_conv2d_to_few_forward, _skip_conv2d_to_few_backward)
