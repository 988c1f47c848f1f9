"""The blocks both networks are made of: convolution, upsampling convolution, batch norm."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pix2pix_jax.convolutions import conv2d
from pix2pix_jax.upsampling import between_counts, repeat_between, skip_conv2d, upsample_conv2d

# From here on rows are added up as slices: on a CPU, XLA makes all that a reduction reads once more.
_LONG = 4


def torch_uniform(key: jax.Array, shape: tuple[int, ...], dtype: Any, fan_in: int) -> jax.Array:
    """PyTorch's default for convolutions: uniform within ±1/√fan_in, for kernels and biases alike."""
    bound = fan_in**-0.5
    return jax.random.uniform(key, shape, dtype, -bound, bound)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def avg_pool(x: jax.Array, factor: int) -> jax.Array:
    """Average pooling by a whole factor.

    Args:
        x: [batch, height, width, channels]; height and width divisible by `factor`.
        factor: side and stride of the pooling window.

    Returns:
        [batch, height / factor, width / factor, channels].
    """
    batch, height, width, channels = x.shape
    tiles = x.reshape(batch, height // factor, factor, width // factor, factor, channels)
    if factor < _LONG:
        return tiles.mean((2, 4))
    rows = [tiles[:, :, row].astype(jnp.float32) for row in range(factor)]
    return (sum(rows[1:], start=rows[0]).mean(3) / factor).astype(x.dtype)


def _avg_pool_forward(x: jax.Array, factor: int) -> tuple[jax.Array, None]:
    return avg_pool(x, factor), None


def _avg_pool_backward(factor: int, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    batch, height, width, channels = gradient.shape
    tiles = jnp.expand_dims(gradient / factor**2, (2, 4))
    tiles = jnp.broadcast_to(tiles, (batch, height, factor, width, factor, channels))
    return (tiles.reshape(batch, factor * height, factor * width, channels),)


avg_pool.defvjp(_avg_pool_forward, _avg_pool_backward)


class Conv(nn.Module):
    """Convolution with zero padding, and optionally nearest-neighbour upsampling in front.

    Its bias is handed on beside the result: a batch norm takes it out again, so adding it first would be a pass over
    the tensor for nothing.

    Attributes:
        features: channels out.
        size: side of the kernel, odd; 3 where `upsample` is above 1.
        upsample: factor by which height and width grow before the convolution.
        dtype: dtype of the computation; parameters are float32.
    """

    features: int
    size: int
    upsample: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, skip: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
        """Convolves an image, or one that is upsampled with another one beside it.

        Args:
            x: [batch, height, width, in]; with a skip, [batch, height, n, width, n, in] as `upsample_conv2d` has it.
            skip: [batch, upsample · height, upsample · width, more], whose channels come after those of x.

        Returns:
            float32 [batch, height, width, features], or what `upsample_conv2d` or `skip_conv2d` makes of it, without
            the bias; and the bias [features].
        """
        channels = x.shape[-1] if skip is None else x.shape[-1] + skip.shape[-1]
        shape = (self.size, self.size, channels, self.features)
        fan_in = self.size**2 * channels
        kernel = self.param("kernel", torch_uniform, shape, jnp.float32, fan_in)
        bias = self.param("bias", torch_uniform, (self.features,), jnp.float32, fan_in)
        x = x.astype(self.dtype)
        if skip is not None:
            return skip_conv2d(x, skip.astype(self.dtype), kernel, self.upsample), bias
        return upsample_conv2d(x, kernel, self.upsample) if self.upsample > 1 else conv2d(x, kernel), bias


class BatchNorm(nn.Module):
    """Batch normalisation as PyTorch has it: eps 1e-5, averages move by 0.1 a step, unbiased running variance.

    With an `axis_name` statistics are taken over the batches of all devices on that axis, so that the number of devices
    does not change the result.

    Attributes:
        axis_name: the mapped axis to share statistics over; None for this device's batch alone.
        keep_averages: whether to keep running averages (collection `batch_stats`).
    """

    axis_name: str | None = None
    keep_averages: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, conv_bias: jax.Array, *, train: bool, upsample: int = 1) -> jax.Array:
        """Normalises x + conv_bias.

        Args:
            x: float32 [batch, height, width, channels]; or [batch, height, n, width, n, channels] from
                `upsample_conv2d`, where `upsample` is above 1.
            conv_bias: [channels]; moves the running mean, and has no effect on what is normalised by its own mean.
            train: whether to use the batch's statistics and move the averages, rather than to use those.
            upsample: factor by which x is upsampled, which tells how often each value counts.

        Returns:
            The normalised, scaled and shifted x, float32 in its own shape.
        """
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        if train:
            mean, var, count = self._batch_statistics(x, upsample)
            if self.keep_averages:
                running_mean, running_var = self._averages(channels)
                running_mean.value = 0.9 * running_mean.value + 0.1 * (mean + conv_bias)
                running_var.value = 0.9 * running_var.value + 0.1 * var * (count / max(count - 1, 1))
        else:
            running_mean, running_var = self._averages(channels)
            mean, var = running_mean.value - conv_bias, running_var.value
        factor = scale * lax.rsqrt(var + 1e-5)
        return x * factor + (bias - mean * factor)

    def _averages(self, channels: int) -> tuple[nn.Variable, nn.Variable]:
        return (
            self.variable("batch_stats", "mean", jnp.zeros, (channels,)),
            self.variable("batch_stats", "var", jnp.ones, (channels,)),
        )

    def _batch_statistics(self, x: jax.Array, upsample: int) -> tuple[jax.Array, jax.Array, int]:
        mean, square = _mean(x, upsample), _mean(jnp.square(x), upsample)
        count = x.shape[0] * x.shape[1] * x.shape[-2 if upsample == 1 else -3] * upsample**2
        if self.axis_name is not None and not self.is_initializing():
            mean, square = lax.pmean((mean, square), self.axis_name)
            count *= lax.axis_size(self.axis_name)
        return mean, jnp.maximum(square - jnp.square(mean), 0.0), count


def _mean(x: jax.Array, upsample: int) -> jax.Array:
    """The mean of each channel over all pixels."""
    if upsample == 1:
        return x.mean((0, 1, 2))
    shares = np.array(between_counts(upsample)) / upsample
    return jnp.einsum("rsc,r,s->c", x.mean((0, 1, 3)), shares, shares)


class Block(nn.Module):
    """Convolution, batch norm, activation.

    Attributes:
        features: channels out.
        activation: applied after the norm.
        size: side of the kernel.
        upsample: nearest-neighbour upsampling factor in front of the convolution.
        repeat: whether to return all outputs of an upsampling, or equal ones once, as `upsample_conv2d` does.
        keep_averages: whether the norm keeps running averages.
        dtype: dtype of the computation.
        axis_name: mapped axis over which the norm's statistics are shared.
    """

    features: int
    activation: Callable[[jax.Array], jax.Array]
    size: int = 3
    upsample: int = 1
    repeat: bool = True
    keep_averages: bool = True
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = True) -> jax.Array:
        """Maps [batch, height, width, in] to [batch, upsample · height, upsample · width, features] in `dtype`.

        Without `repeat`, to [batch, height, n, width, n, features], as `upsample_conv2d` does.
        """
        x, conv_bias = Conv(self.features, self.size, self.upsample, self.dtype, name="conv")(x)
        norm = BatchNorm(self.axis_name, self.keep_averages, name="norm")
        x = self.activation(norm(x, conv_bias, train=train, upsample=self.upsample)).astype(self.dtype)
        return repeat_between(x, self.upsample) if self.upsample > 1 and self.repeat else x


class OutputConv(nn.Module):
    """A network's last layer: a convolution and its bias alone, the output float32.

    Attributes:
        features: channels out.
        size: side of the kernel.
        upsample: factor by which the input is upsampled, where there is a skip.
        dtype: dtype of the computation.
    """

    features: int
    size: int
    upsample: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, skip: jax.Array | None = None) -> jax.Array:
        """Maps [batch, height, width, in], or x and skip as `Conv` has them, to float32 [..., features]."""
        x, bias = Conv(self.features, self.size, self.upsample, self.dtype, name="conv")(x, skip)
        return x + bias


def check_divisible(x: jax.Array, multiple: int, network: str) -> None:
    """Raises ValueError unless height and width of x [batch, height, width, channels] divide by `multiple`."""
    height, width = x.shape[1:3]
    if height % multiple or width % multiple:
        raise ValueError(f"the {network} needs height and width divisible by {multiple}, got {height}×{width}")
