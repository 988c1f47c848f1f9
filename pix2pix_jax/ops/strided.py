"""Convolutions of any stride and padding, and transposed ones, for CPUs: as matrix products."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import export, lax

from pix2pix_jax.ops import winograd
from pix2pix_jax.ops.products import matmul, transpose, transposed_kernel, unstack

_FEWEST_TILES = 128  # of 2×2 pixels, from which Winograd's form pays: it takes time for the kernel
_FEWEST_CHANNELS = 64  # in and out, from which it pays: it takes time for both images
_LARGEST = 3  # side of the kernels for which it is precise enough: it errs twice as much as the plain form


def conv2d(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """As `plain.conv2d`."""
    return _conv2d(x.astype(jnp.float32), kernel, stride, padding, x.dtype)


def conv_transpose2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `plain.conv_transpose2d`."""
    batch, height, width, _ = x.shape
    transposed = transpose(lambda y: _conv2d(y, kernel, 2, 1, x.dtype), (batch, 2 * height, 2 * width, kernel.shape[2]))
    return transposed(x.astype(jnp.float32))


def _conv2d(x: jax.Array, kernel: jax.Array, stride: int, padding: int, dtype: Any) -> jax.Array:
    batch, *lengths, channels = x.shape
    numbers = [(length + 2 * padding - kernel.shape[0]) // stride + 1 for length in lengths]
    more = -kernel.shape[0] % stride
    kernel = jnp.pad(kernel, ((0, more), (0, more), (0, 0), (0, 0)))
    seen = [stride * (number - 1) + kernel.shape[0] for number in numbers]
    margins = [(padding, after - before - padding, 0) for before, after in zip(lengths, seen, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *margins, (0, 0, 0)])
    size, _, channels, features = kernel.shape
    if _winograd_pays(batch * numbers[0] * numbers[1], min(stride**2 * channels, features)):
        seen = _squares(x, kernel, stride) if stride > 1 else (x, kernel)
        if seen[1].shape[0] > _LARGEST:
            seen = _halved(*seen)
        return winograd.correlate(*seen, dtype)
    if stride > 1 or features >= channels:
        return _correlate(x, kernel, stride, dtype)
    # The transpose of the convolution that takes a gradient back: so there are fewer products to store than windows.
    shape = (batch, *(number + 2 * (size - 1) for number in numbers), features)
    y = transpose(lambda y: _correlate(y, transposed_kernel(kernel), 1, dtype), shape)(x)
    return y[:, size - 1 : size - 1 + numbers[0], size - 1 : size - 1 + numbers[1]]


def _correlate(x: jax.Array, kernel: jax.Array, stride: int, dtype: Any) -> jax.Array:
    """Convolution without padding as one product: height and width, and the side of the kernel, fit the stride."""
    batch, height, width, channels = x.shape
    steps, features = kernel.shape[0] // stride, kernel.shape[3]
    rows, columns = height // stride - steps + 1, width // stride - steps + 1
    parts = unstack(x.reshape(batch, height // stride, stride, width // stride, stride * channels), 2)
    windows = [
        part[:, down : down + rows, right : right + columns]
        for down in range(steps)
        for part in parts
        for right in range(steps)
    ]
    return matmul(jnp.concatenate(windows, -1), kernel.reshape(-1, features), dtype)


def _winograd_pays(pixels: int, channels: int) -> bool:
    """Whether to use `winograd` for so many pixels, and at least so many channels in and out.

    Not where the number of pixels is not known yet, as in an export.
    """
    return not export.is_symbolic_dim(pixels) and pixels >= 4 * _FEWEST_TILES and channels >= _FEWEST_CHANNELS


def _squares(x: jax.Array, kernel: jax.Array, side: int) -> tuple[jax.Array, jax.Array]:
    """An image whose pixels are squares of x, with all their channels, and the kernel that sees them with stride 1."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // side, side, width // side, side * channels).swapaxes(2, 3)
    steps, features = kernel.shape[0] // side, kernel.shape[3]
    kernel = kernel.reshape(steps, side, steps, side, channels, features).swapaxes(1, 2)
    return x.reshape(batch, height // side, width // side, -1), kernel.reshape(steps, steps, -1, features)


def _halved(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An image that holds each pixel beside those two rows and columns on, and the kernel of 2×2 for one of 4×4."""
    height, width = x.shape[1] - 2, x.shape[2] - 2
    parts = [x[:, row : row + height, column : column + width] for row in (0, 2) for column in (0, 2)]
    _, _, channels, features = kernel.shape
    kernel = kernel.reshape(2, 2, 2, 2, channels, features).transpose(1, 3, 0, 2, 4, 5)
    return jnp.concatenate(parts, -1), kernel.reshape(2, 2, -1, features)
