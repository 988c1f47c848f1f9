"""Depthwise convolution: every channel with a kernel of its own."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax


def plain_depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """Depthwise convolution, padded as TensorFlow's "SAME".

    Args:
        x: [batch, height, width, channels], float32 or bfloat16; height and width divisible by `stride`.
        kernel: float32 [size, size, channels], size odd.
        stride: 1 or 2. With stride 2 there is one more row and column of zeros behind than in front.

    Returns:
        float32 [batch, height / stride, width / stride, channels].
    """
    y = lax.conv_general_dilated(
        x,
        kernel[:, :, None].astype(x.dtype),
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )
    return y.astype(jnp.float32)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def shifted_depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """The same as a sum of shifted images, which XLA joins in one loop on a CPU."""
    return _shifted(x, kernel, stride)


def _shifted(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    size, windows = kernel.shape[0], _windows(x.astype(jnp.float32), kernel.shape[0], stride)
    taps = [kernel[row, column] * windows(row, column) for row in range(size) for column in range(size)]
    return sum(taps, start=jnp.zeros((), jnp.float32))


def _windows(x: jax.Array, size: int, stride: int) -> Callable[[int, int], jax.Array]:
    """What each element of a kernel is multiplied with, [batch, height / stride, width / stride, channels]."""
    height, width = x.shape[1:3]
    before = (size - stride) // 2
    after = size - stride - before
    padded = jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    return lambda row, column: padded[:, row : row + height : stride, column : column + width : stride]


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
    _, pull_back = jax.vjp(lambda x: _shifted(x, kernel, stride), x)
    return *pull_back(y_bar), kernel_bar


shifted_depthwise_conv2d.defvjp(_forward, _backward)
