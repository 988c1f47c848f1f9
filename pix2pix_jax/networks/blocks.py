"""What both networks are made of: convolution, batch norm, and the block of both with an activation."""

from collections.abc import Callable
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pix2pix_jax import ops

Params = Any
"""A pytree of a network's parameters, or of its running averages: nested dictionaries of arrays."""


def torch_uniform(key: jax.Array, shape: tuple[int, ...], dtype: Any, fan_in: int) -> jax.Array:
    """PyTorch's default for convolutions: uniform within ±1/√fan_in, for kernels and biases alike."""
    bound = fan_in**-0.5
    return jax.random.uniform(key, shape, dtype, -bound, bound)


class Conv(nn.Module):
    """Convolution with zero padding and a bias, and optionally nearest-neighbour upsampling in front.

    Attributes:
        features: channels out.
        size: side of the kernel, odd.
        upsample: factor by which height and width grow before the convolution.
        dtype: dtype of the products, float32 or bfloat16; parameters are float32.
    """

    features: int
    size: int
    upsample: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, *parts: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in] to float32 [batch, upsample · height, upsample · width, features].

        Of several parts, the channels are joined.
        """
        channels = sum(part.shape[-1] for part in parts)
        shape = (self.size, self.size, channels, self.features)
        fan_in = self.size**2 * channels
        kernel = self.param("kernel", torch_uniform, shape, jnp.float32, fan_in)
        bias = self.param("bias", torch_uniform, (self.features,), jnp.float32, fan_in)
        parts = tuple(part.astype(self.dtype) for part in parts)
        if self.upsample > 1:
            return ops.upsample_conv2d(jnp.concatenate(parts, -1), kernel, self.upsample) + bias
        return (ops.conv2d(parts[0], kernel) if len(parts) == 1 else ops.conv2d_joined(parts, kernel)) + bias


class BatchNorm(nn.Module):
    """Batch normalisation as PyTorch has it: eps 1e-5, averages move by 0.1 a step, unbiased running variance.

    With an `axis_name` statistics are taken over the batches of all devices on that axis, so that the number of devices
    does not change the result.

    Attributes:
        axis_name: the mapped axis to share statistics over; None for this device's batch alone.
        keep_averages: whether to keep running averages (collection `batch_stats`).
        scale_init: how the scales begin.
        slope: of the activation behind it below 0: 0 for ReLU, 1 for none.
        dtype: dtype of what it returns, and keeps for the gradient; statistics are float32.
    """

    axis_name: str | None = None
    keep_averages: bool = True
    scale_init: Callable[..., jax.Array] = nn.initializers.ones
    slope: float = 1.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Normalises, scales, shifts and activates every channel.

        Args:
            x: float32 [batch, height, width, channels].
            train: whether to use the batch's statistics, and move the averages where the collection is mutable, rather
                than to use those.

        Returns:
            `dtype`, the shape of x.
        """
        channels = x.shape[-1]
        scale = self.param("scale", self.scale_init, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        if not train:
            running_mean, running_var = self._averages(channels)
            return ops.normalize(x, scale, bias, running_mean.value, running_var.value, self.slope).astype(self.dtype)
        axis_name = None if self.is_initializing() else self.axis_name
        y, mean, var = cast(Any, ops.batch_norm(x, scale, bias, self.slope, self.dtype, axis_name))
        if self.keep_averages and self.is_mutable_collection("batch_stats"):
            running_mean, running_var = self._averages(channels)
            count = x.size // channels * (lax.axis_size(axis_name) if axis_name else 1)
            running_mean.value = 0.9 * running_mean.value + 0.1 * mean
            running_var.value = 0.9 * running_var.value + 0.1 * var * (count / max(count - 1, 1))
        return y

    def _averages(self, channels: int) -> tuple[nn.Variable, nn.Variable]:
        return (
            self.variable("batch_stats", "mean", jnp.zeros, (channels,)),
            self.variable("batch_stats", "var", jnp.ones, (channels,)),
        )


class Block(nn.Module):
    """Convolution, batch norm, leaky ReLU.

    Attributes:
        features: channels out.
        slope: of the activation below 0.
        size: side of the kernel.
        upsample: nearest-neighbour upsampling factor in front of the convolution.
        keep_averages: whether the norm keeps running averages.
        dtype: dtype of the computation.
        axis_name: mapped axis over which the norm's statistics are shared.
    """

    features: int
    slope: float
    size: int = 3
    upsample: int = 1
    keep_averages: bool = True
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = True) -> jax.Array:
        """Maps [batch, height, width, in] to [batch, upsample · height, upsample · width, features] in `dtype`."""
        x = Conv(self.features, self.size, self.upsample, self.dtype, name="conv")(x)
        norm = BatchNorm(self.axis_name, self.keep_averages, slope=self.slope, dtype=self.dtype, name="norm")
        return norm(x, train=train)


class OutputConv(nn.Module):
    """A network's last layer: a convolution alone, its output float32.

    Attributes:
        features: channels out.
        size: side of the kernel.
        dtype: dtype of the products.
    """

    features: int
    size: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, *parts: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in], of several parts joined, to float32 [batch, height, width, features]."""
        return Conv(self.features, self.size, dtype=self.dtype, name="conv")(*parts)


def check_divisible(x: jax.Array, multiple: int, network: str) -> None:
    """Raises ValueError unless height and width of x [batch, height, width, channels] divide by `multiple`."""
    height, width = x.shape[1:3]
    if height % multiple or width % multiple:
        raise ValueError(f"the {network} needs height and width divisible by {multiple}, got {height}×{width}")
