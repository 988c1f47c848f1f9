"""Depthwise convolution: every channel with a kernel of its own."""

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


def shifted_depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """The same as a sum of shifted images, which XLA joins in one loop on a CPU."""
    size, (height, width) = kernel.shape[0], x.shape[1:3]
    before = (size - stride) // 2
    after = size - stride - before
    padded = jnp.pad(x.astype(jnp.float32), ((0, 0), (before, after), (before, after), (0, 0)))
    taps = [(row, column) for row in range(size) for column in range(size)]
    return sum(
        (kernel[r, c] * padded[:, r : r + height : stride, c : c + width : stride] for r, c in taps),
        start=jnp.zeros((), jnp.float32),
    )
