"""Convolutions for CPUs, where XLA is slow at those of few channels and at gradients of kernels, and fast at matmuls.

Products are of the input's dtype and added up in float32, but for XLA's own convolutions: those are slow in bfloat16,
and get float32.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pix2pix_jax.ops import plain, strided
from pix2pix_jax.ops.products import matmul, outer, shift, transpose, transposed_kernel, whole

_BLOCK = 4  # pixels of a row whose windows are taken together: more save copies of pixels, and cost products with 0
_FEW = 4  # channels up to which windows and a matmul beat XLA's convolutions (images have 1 to 4)
_LARGEST = 5  # side of the largest kernel of which a block of pixels holds both margins


def conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int | None = None) -> jax.Array:
    """As `plain.conv2d`."""
    size, _, channels, features = kernel.shape
    margin = size // 2 if padding is None else padding
    if stride != 1 or 2 * margin + 1 != size:
        return strided.conv2d(x, kernel, stride, margin)
    dtype, width, x = x.dtype, x.shape[2], x.astype(jnp.float32)
    if size == 1:
        return matmul(x, kernel[0, 0], dtype)
    if min(channels, features) > _FEW or size > _LARGEST:
        return _conv2d_of_many(x, kernel)
    x = jnp.pad(x, ((0, 0), (0, 0), (0, -width % _BLOCK), (0, 0)))
    if channels <= _FEW:
        return whole(_conv2d_from_few(x, kernel, dtype))[:, :, :width]
    # The transpose of the convolution that takes a gradient back: so windows have few channels here too.
    back = transpose(lambda y: _conv2d_from_few(y, transposed_kernel(kernel), dtype), (*x.shape[:3], features))
    return back(x)[:, :, :width]


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d_joined`."""
    return conv2d(whole(jnp.concatenate(parts, -1)), kernel)


@jax.custom_vjp
def _conv2d_of_many(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return plain.conv2d(x, kernel)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return plain.conv2d(x, kernel), (x, kernel)


def _backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    # A tap pairs pixels that lie so many columns and rows apart. With each of x beside those of its neighbouring
    # columns, and each of the gradient beside those of its neighbouring rows, one matmul has all taps.
    x, kernel = saved
    size, _, channels, features = kernel.shape
    taps = [tap - size // 2 for tap in range(size)]
    columns = jnp.concatenate([shift(x, -tap, 2) for tap in taps], -1).reshape(-1, size * channels)
    rows = jnp.concatenate([shift(gradient, tap, 1) for tap in taps], -1).reshape(-1, size * features)
    kernel_gradient = outer(columns, rows, x.dtype).reshape(size, channels, size, features).transpose(2, 0, 1, 3)
    return plain.conv2d(gradient, transposed_kernel(kernel)), kernel_gradient


_conv2d_of_many.defvjp(_forward, _backward)


def _conv2d_from_few(x: jax.Array, kernel: jax.Array, dtype: Any) -> jax.Array:
    """One product of the windows that each block of a row sees, and a matrix that makes all pixels of the block."""
    batch, height, width, channels = x.shape
    size, _, _, features = kernel.shape
    margin = size // 2
    blocks = x.reshape(batch, height, width // _BLOCK, _BLOCK * channels)
    first, inner, last = jnp.split(blocks, [margin * channels, (_BLOCK - margin) * channels], -1)
    windows = whole(jnp.concatenate([shift(last, 1, 2), first, inner, last, shift(first, -1, 2)], -1))
    windows = jnp.concatenate([shift(windows, margin - row, 1) for row in range(size)], -1)
    pixels = [jnp.pad(kernel, ((0, 0), (pixel, _BLOCK - 1 - pixel), (0, 0), (0, 0))) for pixel in range(_BLOCK)]
    matrix = jnp.stack(pixels, 3).reshape(-1, _BLOCK * features)
    return matmul(windows, matrix, dtype).reshape(batch, height, width, features)
