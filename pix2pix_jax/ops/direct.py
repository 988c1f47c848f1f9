"""Convolution without padding and its gradients, each as one matrix product beside windows of the larger side.

Written for `strided`, which says what the three are. The side of the kernel is a multiple of the stride.
"""

import jax
import jax.numpy as jnp

from pix2pix_jax.ops import windows
from pix2pix_jax.ops.windows import matmul


def correlate(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """[batch, height, width, in] to float32 [batch, (height - size) / stride + 1, …, out]."""
    return matmul(_windows(x, kernel.shape[0], stride), kernel.reshape(-1, kernel.shape[3]))


def spread(y: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """[batch, height, width, out] to float32 [batch, stride · (height - 1) + size, …, in]."""
    return _fold(matmul(y, kernel.reshape(-1, kernel.shape[3]), transposed=True), kernel.shape[0], stride)


def outer(x: jax.Array, y: jax.Array, stride: int) -> jax.Array:
    """[batch, height, width, in] and what `correlate` makes of it to a kernel's gradient [size, size, in, out]."""
    size = x.shape[1] - stride * (y.shape[1] - 1)
    return windows.outer(_windows(x, size, stride), y).reshape(size, size, x.shape[3], y.shape[3])


def _windows(x: jax.Array, size: int, stride: int) -> jax.Array:
    """What each pixel of the result sees of x: [batch, …, …, size · size · in]."""
    batch, height, width, channels = x.shape
    pairs = x.reshape(batch, height, width // stride, stride * channels)  # as many columns of x as the stride
    steps, columns = size // stride, (width - size) // stride + 1
    rows = [pairs[:, row : height - size + row + 1 : stride] for row in range(size)]
    return jnp.concatenate([row[:, :, step : step + columns] for row in rows for step in range(steps)], -1)


def _fold(products: jax.Array, size: int, stride: int) -> jax.Array:
    """The transpose of `_windows`: adds up what overlaps."""
    batch, height, width, _ = products.shape
    steps = size // stride
    products = products.reshape(batch, height, width, steps, stride, steps, -1)
    total = jnp.zeros((), products.dtype)
    for down in range(steps):
        for right in range(steps):
            margins = (0, 0), (down, steps - 1 - down), (right, steps - 1 - right), (0, 0), (0, 0)
            total += jnp.pad(products[:, :, :, down, :, right], margins)
    return total.swapaxes(2, 3).reshape(batch, stride * (height - 1) + size, stride * (width - 1) + size, -1)
