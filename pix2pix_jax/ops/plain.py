"""What the operations are, in JAX's own terms: the reference for every faster form, and the form for GPUs and TPUs."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int | None = None) -> jax.Array:
    """Convolution with zero padding.

    Args:
        x: [batch, height, width, in], float32 or bfloat16, the dtype of the products.
        kernel: float32 [size, size, in, out].
        stride: 1 or 2.
        padding: zeros on each side; None for size // 2, which at stride 1 keeps height and width where size is odd.

    Returns:
        float32 [batch, (height + 2 · padding - size) // stride + 1, (width + …) // stride + 1, out].
    """
    margin = kernel.shape[0] // 2 if padding is None else padding
    y = lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (stride, stride), [(margin, margin)] * 2, dimension_numbers=_LAYOUT
    )
    return y.astype(jnp.float32)


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """`conv2d` of several [batch, height, width, …], their channels joined."""
    return conv2d(jnp.concatenate(parts, -1), kernel)


def conv_transpose2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Transposed convolution of stride 2 that doubles height and width.

    Pixel i adds x[i] · kernel[tap] to pixel 2 · i - 1 + tap of the result, as PyTorch's with a padding of 1 (and
    for 3×3 kernels an output padding of 1).

    Args:
        x: [batch, height, width, in], float32 or bfloat16, the dtype of the products.
        kernel: float32 [size, size, out, in], size 3 or 4: that of the convolution whose gradient this is.

    Returns:
        float32 [batch, 2 · height, 2 · width, out].
    """
    size = kernel.shape[0]
    flipped = jnp.flip(kernel.astype(x.dtype), (0, 1)).swapaxes(2, 3)
    y = lax.conv_general_dilated(x, flipped, (1, 1), [(size - 2, 2)] * 2, (2, 2), dimension_numbers=_LAYOUT)
    return y.astype(jnp.float32)


def depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """Convolution of every channel with a kernel of its own, padded as TensorFlow's "SAME".

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
        dimension_numbers=_LAYOUT,
        feature_group_count=x.shape[-1],
    )
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
