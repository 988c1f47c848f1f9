"""What the operations are, in JAX's own terms: the reference for every faster form, and the form for GPUs and TPUs."""

import jax
import jax.numpy as jnp
from jax import lax


def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride-1 convolution with zero padding that keeps height and width.

    Args:
        x: [batch, height, width, in], float32 or bfloat16, the dtype of the products.
        kernel: float32 [size, size, in, out], size odd.

    Returns:
        float32 [batch, height, width, out].
    """
    y = lax.conv_general_dilated(x, kernel.astype(x.dtype), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y.astype(jnp.float32)


def upsample(x: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling: [batch, height, width, channels] to [batch, factor · height, factor · width, …]."""
    return jnp.repeat(jnp.repeat(x, factor, 1), factor, 2)


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling followed by `conv2d`.

    Args:
        x: [batch, height, width, in], float32 or bfloat16.
        kernel: float32 [3, 3, in, out].
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, factor · height, factor · width, out].
    """
    return conv2d(upsample(x, factor), kernel)


def avg_pool(x: jax.Array, factor: int) -> jax.Array:
    """Average pooling by a whole factor.

    Args:
        x: [batch, height, width, channels]; height and width divisible by `factor`.
        factor: side and stride of the pooling window.

    Returns:
        [batch, height / factor, width / factor, channels].
    """
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // factor, factor, width // factor, factor, channels).mean((2, 4))
