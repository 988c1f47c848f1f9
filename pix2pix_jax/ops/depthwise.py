"""Depthwise convolution for CPUs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def _shifted(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """As `plain.depthwise_conv2d`, as a sum of shifted images, which XLA joins in one loop on a CPU."""
    size, windows = kernel.shape[0], _windows(x.astype(jnp.float32), kernel.shape[0], stride)
    taps = [kernel[row, column] * windows(row, column) for row in range(size) for column in range(size)]
    return sum(taps, start=jnp.zeros((), jnp.float32))


def _windows(x: jax.Array, size: int, stride: int) -> Callable[[int, int], jax.Array]:
    """What each element of a kernel is multiplied with, [batch, height / stride, width / stride, channels]."""
    height, width = x.shape[1:3]
    before = (size - stride) // 2
    after = size - stride - before
    padded = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (before, after, 0), (before, after, 0), (0, 0, 0)])
    # Not by an index, which takes longer to trace.
    return lambda row, column: lax.slice(
        padded,
        (0, row, column, 0),
        (x.shape[0], row + height - stride + 1, column + width - stride + 1, x.shape[3]),
        (1, stride, stride, 1),
    )


def _forward(x: jax.Array, kernel: jax.Array, stride: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _shifted(x, kernel, stride), (x, kernel)


def _backward(stride: int, kept: tuple[jax.Array, jax.Array], y_bar: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gradients; that of the kernel image by image, since each of its elements reads all of x and y_bar."""
    x, kernel = kept
    size, zero = kernel.shape[0], jnp.zeros(kernel.shape, jnp.float32)

    def add(total: jax.Array, image: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        windows = _windows(image[0][None].astype(jnp.float32), size, stride)
        sums = [(image[1] * windows(row, column)).sum((0, 1, 2)) for row in range(size) for column in range(size)]
        return total + jnp.stack(sums).reshape(total.shape), None

    kernel_bar, _ = lax.scan(add, zero, (x, y_bar))
    (x_bar,) = jax.linear_transpose(lambda x: _shifted(x, kernel, stride), x)(y_bar)
    return x_bar, kernel_bar


shifted_conv2d = jax.custom_vjp(_shifted, nondiff_argnums=(2,))
shifted_conv2d.defvjp(_forward, _backward)
