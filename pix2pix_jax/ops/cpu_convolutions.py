"""Convolutions for CPUs, where XLA is slow at those of few channels and at gradients of kernels, and fast at matmuls.

Products are of the input's dtype and added up in float32, but for XLA's own convolutions: those are slow in bfloat16,
and get float32.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from pix2pix_jax.ops import plain
from pix2pix_jax.ops.windows import (
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

_FEW = 4  # channels up to which windows and a matmul beat XLA's convolutions (images have 1 to 4)
_LARGEST = 5  # side of the largest kernel of which a block of pixels holds both margins


def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d`."""
    size, _, channels, features = kernel.shape
    if size == 1:
        return matmul(x, kernel[0, 0])
    if min(channels, features) > _FEW or size > _LARGEST:
        return _conv2d_of_many(x.astype(jnp.float32), kernel)
    width = x.shape[2]
    x = jnp.pad(x, ((0, 0), (0, 0), (0, -width % BLOCK), (0, 0)))
    y = _conv2d_from_few(x, kernel) if channels <= _FEW else _conv2d_to_few(x, kernel)
    return y[:, :, :width]


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d_joined`."""
    return conv2d(jnp.concatenate(parts, -1), kernel)


@jax.custom_vjp
def _conv2d_of_many(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return plain.conv2d(x, kernel)


def _conv2d_of_many_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return plain.conv2d(x, kernel), (x, kernel)


def _conv2d_of_many_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    # A tap pairs pixels that lie so many columns and rows apart. With each of x beside those of its neighbouring
    # columns, and each of the gradient beside those of its neighbouring rows, one matmul has all taps.
    x, kernel = saved
    size, _, channels, _ = kernel.shape
    taps = [tap - size // 2 for tap in range(size)]
    columns = jnp.concatenate([shift(x, -tap, 2) for tap in taps], -1)
    rows = jnp.concatenate([shift(gradient, tap, 1) for tap in taps], -1)
    kernel_gradient = outer(columns, rows).reshape(size, channels, size, -1).transpose(2, 0, 1, 3)
    return plain.conv2d(gradient, transposed_kernel(kernel)), kernel_gradient


_conv2d_of_many.defvjp(_conv2d_of_many_forward, _conv2d_of_many_backward)


@jax.custom_vjp
def _conv2d_from_few(x: jax.Array, kernel: jax.Array) -> jax.Array:
    y = matmul(take_windows(x, kernel.shape[0]), window_matrix(kernel))
    return y.reshape(*x.shape[:3], -1)


def _conv2d_from_few_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d_from_few(x, kernel), (x, kernel)


def _conv2d_from_few_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    size, channels = kernel.shape[0], kernel.shape[2]
    matrix, matrix_vjp = jax.vjp(window_matrix, kernel)
    gradient = take_blocks(gradient.astype(x.dtype))
    x_gradient = fold(matmul(gradient, matrix, transposed=True), size, channels).astype(x.dtype)
    return x_gradient, *matrix_vjp(outer(take_windows(x, size), gradient))


_conv2d_from_few.defvjp(_conv2d_from_few_forward, _conv2d_from_few_backward)


@jax.custom_vjp
def _conv2d_to_few(x: jax.Array, kernel: jax.Array) -> jax.Array:
    size, _, _, features = kernel.shape
    matrix = window_matrix(transposed_kernel(kernel))
    return fold(matmul(take_blocks(x), matrix, transposed=True), size, features)


def _conv2d_to_few_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d_to_few(x, kernel), (x, kernel)


def _conv2d_to_few_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    size = kernel.shape[0]
    matrix, matrix_vjp = jax.vjp(lambda kernel: window_matrix(transposed_kernel(kernel)), kernel)
    windows = take_windows(gradient.astype(x.dtype), size)
    x_gradient = matmul(windows, matrix).reshape(x.shape).astype(x.dtype)
    return x_gradient, *matrix_vjp(outer(windows, take_blocks(x)))


_conv2d_to_few.defvjp(_conv2d_to_few_forward, _conv2d_to_few_backward)
