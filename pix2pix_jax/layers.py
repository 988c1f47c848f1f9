"""The blocks both networks are made of: convolution, upsampling convolution, batch norm."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

_NHWC = ("NHWC", "HWIO", "NHWC")

# Channels up to which the matmul forms of a convolution beat XLA's on a CPU (images have 1 to 4).
_NARROW = 4


def torch_uniform(key: jax.Array, shape: tuple[int, ...], dtype: Any, fan_in: int) -> jax.Array:
    """PyTorch's default for convolutions: uniform within ±1/√fan_in, for kernels and biases alike."""
    bound = fan_in**-0.5
    return jax.random.uniform(key, shape, dtype, -bound, bound)


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
    return tiles.mean((2, 4))


def _plain_conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_NHWC)


def _shifted_adds(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution as one matmul, which makes every tap's product, and shifted adds of those, rows then columns."""
    height, width = x.shape[1:3]
    size = kernel.shape[0]
    margin = (size // 2, size // 2)
    products = x @ kernel.transpose(2, 0, 1, 3).reshape(x.shape[-1], -1)
    products = jnp.pad(products, ((0, 0), margin, margin, (0, 0)))
    row_taps = jnp.split(products, size, -1)
    rows = sum((tap[:, i : i + height] for i, tap in enumerate(row_taps)), start=jnp.zeros((), x.dtype))
    column_taps = jnp.split(rows, size, -1)
    return sum((tap[:, :, i : i + width] for i, tap in enumerate(column_taps)), start=jnp.zeros((), x.dtype))


def _patches(x: jax.Array, size: int) -> jax.Array:
    """The size × size neighbourhood of every pixel: [batch, height, width, size · size · channels]."""
    height, width = x.shape[1:3]
    margin = (size // 2, size // 2)
    x = jnp.pad(x, ((0, 0), margin, margin, (0, 0)))
    rows = jnp.concatenate([x[:, :, i : i + width] for i in range(size)], -1)
    return jnp.concatenate([rows[:, i : i + height] for i in range(size)], -1)


def _transposed(kernel: jax.Array) -> jax.Array:
    """The kernel of the convolution that takes a gradient back to the input."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


@jax.custom_vjp
def _narrow_conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution from or to so few channels that a CPU does better on matmuls than on XLA's own forms of it."""
    return _shifted_adds(x, kernel) if kernel.shape[3] <= _NARROW else _plain_conv2d(x, kernel)


def _narrow_conv2d_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _narrow_conv2d(x, kernel), (x, kernel)


def _narrow_conv2d_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    x_gradient = _narrow_conv2d(gradient, _transposed(kernel))
    if kernel.shape[3] > _NARROW:
        (kernel_gradient,) = jax.linear_transpose(partial(_plain_conv2d, x), kernel)(gradient)
    else:
        size, _, channels, features = kernel.shape
        taps = jnp.einsum("nhwp,nhwi->pi", _patches(gradient, size), x)
        kernel_gradient = _transposed(taps.reshape(size, size, features, channels))
    return x_gradient, kernel_gradient


_narrow_conv2d.defvjp(_narrow_conv2d_forward, _narrow_conv2d_backward)


def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride-1 convolution with zero padding that keeps height and width.

    Args:
        x: [batch, height, width, in].
        kernel: [size, size, in, out], size odd.

    Returns:
        [batch, height, width, out].
    """
    is_narrow = min(kernel.shape[2:]) <= _NARROW and kernel.shape[0] > 1
    if is_narrow and jax.default_backend() == "cpu":
        return _narrow_conv2d(x, kernel)
    return _plain_conv2d(x, kernel)


def _fold_axis(taps: jax.Array, factor: int) -> list[tuple[int, jax.Array]]:
    """Folds three taps along axis 0, which see an upsampled signal, into taps on the signal itself.

    Of the `factor` outputs that belong to one input, the first sees the input before it (tap 0) and itself (taps 1
    and 2), the last sees itself (taps 0 and 1) and the next (tap 2), and those between see only itself.

    Returns:
        For each distinct output (first, middle where factor > 2, last): zero padding needed before and after, as
        the offset of the first tap (-1 or 0), and the folded taps [1 or 2, ...].
    """
    before, here, after = taps
    first = (-1, jnp.stack([before, here + after]))
    middle = (0, jnp.stack([before + here + after]))
    last = (0, jnp.stack([before + here, after]))
    return [first, middle, last] if factor > 2 else [first, last]


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling followed by a 3×3 convolution, computed without the upsampled tensor.

    Every output sees at most 2×2 distinct inputs, so the 3×3 kernel folds into 9 kernels (4 for factor 2) of 1 to 4
    taps on the small input, whose outputs are interleaved. That is 25 products where the plain form has
    9 factor² (144 for factor 4), and the same result to rounding.

    Args:
        x: [batch, height, width, in].
        kernel: [3, 3, in, out].
        factor: upsampling factor, at least 2.

    Returns:
        [batch, factor · height, factor · width, out].
    """
    batch, height, width, _ = x.shape
    features = kernel.shape[-1]
    repeats = [1, factor - 2, 1] if factor > 2 else [1, 1]
    rows = []
    for (top, row_taps), row_repeat in zip(_fold_axis(kernel, factor), repeats, strict=True):
        columns = []
        folded = _fold_axis(row_taps.swapaxes(0, 1), factor)
        for (left, taps), column_repeat in zip(folded, repeats, strict=True):
            taps = taps.swapaxes(0, 1)
            padding = [(-offset, size - 1 + offset) for offset, size in zip((top, left), taps.shape[:2], strict=True)]
            output = lax.conv_general_dilated(x, taps, (1, 1), padding, dimension_numbers=_NHWC)
            columns += [output] * column_repeat
        row = jnp.stack(columns, 3).reshape(batch, height, factor * width, features)
        rows += [row] * row_repeat
    return jnp.stack(rows, 2).reshape(batch, factor * height, factor * width, features)


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
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Convolves [batch, height, width, in].

        Args:
            x: the input.

        Returns:
            [batch, upsample · height, upsample · width, features] without the bias, and the bias [features].
        """
        shape = (self.size, self.size, x.shape[-1], self.features)
        fan_in = self.size**2 * x.shape[-1]
        kernel = self.param("kernel", torch_uniform, shape, jnp.float32, fan_in)
        bias = self.param("bias", torch_uniform, (self.features,), jnp.float32, fan_in)
        x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
        x = upsample_conv2d(x, kernel, self.upsample) if self.upsample > 1 else conv2d(x, kernel)
        return x, bias


class BatchNorm(nn.Module):
    """Batch normalisation as PyTorch has it: eps 1e-5, averages move by 0.1 a step, unbiased running variance.

    Statistics are float32 whatever the input's dtype. With an `axis_name` they are taken over the batches of all
    devices on that axis, so that the number of devices does not change the result.

    Attributes:
        axis_name: the mapped axis to share statistics over; None for this device's batch alone.
        keep_averages: whether to keep running averages (collection `batch_stats`).
    """

    axis_name: str | None = None
    keep_averages: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, conv_bias: jax.Array, *, train: bool) -> jax.Array:
        """Normalises x + conv_bias.

        Args:
            x: [batch, height, width, channels].
            conv_bias: [channels]; moves the running mean, and has no effect on what is normalised by its own mean.
            train: whether to use the batch's statistics and move the averages, rather than to use those.

        Returns:
            The normalised, scaled and shifted x, in its own shape and dtype.
        """
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        if train:
            mean, var, count = self._batch_statistics(x)
            if self.keep_averages:
                running_mean, running_var = self._averages(channels)
                running_mean.value = 0.9 * running_mean.value + 0.1 * (mean + conv_bias)
                running_var.value = 0.9 * running_var.value + 0.1 * var * (count / max(count - 1, 1))
        else:
            running_mean, running_var = self._averages(channels)
            mean, var = running_mean.value - conv_bias, running_var.value
        factor = scale * lax.rsqrt(var + 1e-5)
        return x * factor.astype(x.dtype) + (bias - mean * factor).astype(x.dtype)

    def _averages(self, channels: int) -> tuple[nn.Variable, nn.Variable]:
        return (
            self.variable("batch_stats", "mean", jnp.zeros, (channels,)),
            self.variable("batch_stats", "var", jnp.ones, (channels,)),
        )

    def _batch_statistics(self, x: jax.Array) -> tuple[jax.Array, jax.Array, int]:
        x = x.astype(jnp.float32)
        mean, square = x.mean((0, 1, 2)), jnp.square(x).mean((0, 1, 2))
        count = x.size // x.shape[-1]
        if self.axis_name is not None and not self.is_initializing():
            mean, square = lax.pmean((mean, square), self.axis_name)
            count *= lax.axis_size(self.axis_name)
        return mean, jnp.maximum(square - jnp.square(mean), 0.0), count


class Block(nn.Module):
    """Convolution, batch norm, activation.

    Attributes:
        features: channels out.
        activation: applied after the norm.
        size: side of the kernel.
        upsample: nearest-neighbour upsampling factor in front of the convolution.
        keep_averages: whether the norm keeps running averages.
        dtype: dtype of the computation.
        axis_name: mapped axis over which the norm's statistics are shared.
    """

    features: int
    activation: Callable[[jax.Array], jax.Array]
    size: int = 3
    upsample: int = 1
    keep_averages: bool = True
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = True) -> jax.Array:
        """Maps [batch, height, width, in] to [batch, upsample · height, upsample · width, features]."""
        x, conv_bias = Conv(self.features, self.size, self.upsample, self.dtype, name="conv")(x)
        x = BatchNorm(self.axis_name, self.keep_averages, name="norm")(x, conv_bias, train=train)
        return self.activation(x)


class OutputConv(nn.Module):
    """A network's last layer: a convolution and its bias alone, the output float32.

    Attributes:
        features: channels out.
        size: side of the kernel.
        dtype: dtype of the computation.
    """

    features: int
    size: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in] to float32 [batch, height, width, features]."""
        x, bias = Conv(self.features, self.size, dtype=self.dtype, name="conv")(x)
        return x.astype(jnp.float32) + bias


def check_divisible(x: jax.Array, multiple: int, network: str) -> None:
    """Raises ValueError unless height and width of x [batch, height, width, channels] divide by `multiple`."""
    height, width = x.shape[1:3]
    if height % multiple or width % multiple:
        raise ValueError(f"the {network} needs height and width divisible by {multiple}, got {height}×{width}")
