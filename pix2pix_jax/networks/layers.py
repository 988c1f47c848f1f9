"""What the networks are made of: convolutions, batch norm, the block of both, and the layers that a config asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import initializers
from jax.typing import ArrayLike

from pix2pix_jax import ops
from pix2pix_jax.networks.config import DiscriminatorConfig, GeneratorConfig

Params = Any
"""A pytree of a network's parameters, or of its running averages: nested dictionaries of arrays."""


class Conv(nn.Module):
    """Convolution with zero padding, transposed convolution, or upsampling and convolution.

    Attributes:
        features: channels out.
        size: side of the kernel.
        dtype: dtype of the products, float32 or bfloat16; parameters are float32.
        stride: 1 or 2.
        padding: zeros on each side; None for size // 2.
        upsample: factor of nearest-neighbour upsampling in front, which wants a stride of 1.
        transposed: whether it is transposed, with a stride of 2, and doubles height and width.
        use_bias: whether to add a bias.
        kernel_init: how the kernel begins, and the bias with 0; None for PyTorch's default: both uniform within
            ±1/√fan-in.
    """

    features: int
    size: int
    dtype: Any = jnp.float32
    stride: int = 1
    padding: int | None = None
    upsample: int = 1
    transposed: bool = False
    use_bias: bool = True
    kernel_init: initializers.Initializer | None = None

    def __call__(self, *parts: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in], of several parts the channels joined, to float32 [batch, …, features]."""
        y, bias = self.apart(*parts)
        return y + bias if self.use_bias else y

    @nn.compact
    def apart(self, *parts: jax.Array) -> tuple[jax.Array, ArrayLike]:
        """The same without the bias; and the bias, [features] or 0, which a norm need not have added."""
        channels = sum(part.shape[-1] for part in parts)
        bound = (self.size**2 * channels) ** -0.5

        def uniform(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
            return jax.random.uniform(key, shape, dtype, -bound, bound)

        shape = (self.size, self.size, *((self.features, channels) if self.transposed else (channels, self.features)))
        kernel = self.param("kernel", beginning(self, self.kernel_init or uniform), shape, jnp.float32)
        x, *others = (part.astype(self.dtype) for part in parts)
        if self.transposed:
            y = ops.conv_transpose2d(x, kernel)
        elif self.upsample > 1:
            y = ops.upsample_conv2d(x, kernel, self.upsample)
        elif others:
            y = ops.conv2d_joined((x, *others), kernel)
        else:
            y = ops.conv2d(x, kernel, self.stride, self.padding)
        if not self.use_bias:
            return y, 0.0
        bias_init = initializers.zeros if self.kernel_init else uniform
        return y, self.param("bias", beginning(self, bias_init), (self.features,), jnp.float32)


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
    scale_init: Callable[..., jax.Array] = initializers.ones
    slope: float = 1.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, offset: ArrayLike = 0.0, *, train: bool) -> jax.Array:
        """Normalises, scales, shifts and activates every channel.

        Args:
            x: float32 [batch, height, width, channels].
            offset: what x lacks, [channels], such as a convolution's bias. It is in the averages alone, since a norm
                takes it away again.
            train: whether to use the batch's statistics, and move the averages where the collection is mutable, rather
                than to use those.

        Returns:
            `dtype`, the shape of x.
        """
        channels = x.shape[-1]
        scale = self.param("scale", self.scale_init, (channels,))
        bias = self.param("bias", initializers.zeros, (channels,))
        if not train:
            running_mean, running_var = self._averages(channels)
            mean = running_mean.value - offset
            return ops.normalize(x, scale, bias, mean, running_var.value, self.slope).astype(self.dtype)
        axis_name = None if self.is_initializing() else self.axis_name
        y, mean, var = ops.batch_norm(x, scale, bias, self.slope, self.dtype, axis_name)
        if self.keep_averages and self.is_mutable_collection("batch_stats"):
            running_mean, running_var = self._averages(channels)
            count = x.size // channels * (lax.axis_size(axis_name) if axis_name else 1)
            running_mean.value = 0.9 * running_mean.value + 0.1 * (mean + offset)
            running_var.value = 0.9 * running_var.value + 0.1 * var * (count / max(count - 1, 1))
        return y

    def _averages(self, channels: int) -> tuple[nn.Variable, nn.Variable]:
        return (
            self.variable("batch_stats", "mean", jnp.zeros, (channels,)),
            self.variable("batch_stats", "var", jnp.ones, (channels,)),
        )


class Block(nn.Module):
    """Convolution, batch norm, leaky ReLU; or the convolution alone, which ends a network.

    Attributes:
        features: channels out.
        slope: of the activation below 0; None for the convolution alone, whose output is float32.
        size: side of the kernel.
        upsample: nearest-neighbour upsampling factor in front of the convolution.
        keep_averages: whether the norm keeps running averages.
        dtype: dtype of the computation.
        axis_name: mapped axis over which the norm's statistics are shared.
    """

    features: int
    slope: float | None
    size: int = 3
    upsample: int = 1
    keep_averages: bool = True
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, *parts: jax.Array, train: bool = True) -> jax.Array:
        """Maps [batch, height, width, in], as `Conv`, to [batch, upsample · height, upsample · width, features]."""
        conv = Conv(self.features, self.size, self.dtype, upsample=self.upsample, name="conv")
        if self.slope is None:
            return conv(*parts)
        norm = BatchNorm(self.axis_name, self.keep_averages, slope=self.slope, dtype=self.dtype, name="norm")
        x, bias = conv.apart(*parts)
        return norm(x, bias, train=train)


@dataclass(frozen=True)
class Layers:
    """Makes the layers of one of the paper's networks.

    As in the authors' PyTorch code, a convolution that a norm follows has a bias only where that norm is instance
    norm, which has no scale and bias of its own, and batch norms begin with scales from N(1, `init_gain`). `init` says
    how kernels begin: "normal" (standard deviation `init_gain`), "xavier" (normal, times `init_gain`), "kaiming"
    (normal, by fan-in) or "orthogonal" (times `init_gain`). Biases begin with 0.

    Attributes:
        config: what says the norm, and how the weights begin.
        dtype, axis_name: as for `ReferenceGenerator`.
        keep_averages: whether batch norms keep running averages (collection `batch_stats`).
    """

    config: GeneratorConfig | DiscriminatorConfig
    dtype: Any
    axis_name: str | None
    keep_averages: bool = True

    def conv(
        self, name: str, features: int, size: int = 4, stride: int = 2, padding: int = 1, bias: bool | None = None
    ) -> Conv:
        """A convolution; None for `bias` if a norm may follow."""
        return self._conv(name, features, size, bias, stride=stride, padding=padding)

    def up(self, name: str, features: int, size: int = 4, bias: bool | None = None) -> Conv:
        """A layer that doubles height and width: a transposed convolution; or nearest-neighbour and convolution.

        The latter makes no checkerboard (Odena et al., Distill 2016), and its kernels are 3×3.
        """
        if isinstance(self.config, GeneratorConfig) and self.config.upsampling == "resize":
            return self._conv(name, features, 3, bias, upsample=2)
        return self._conv(name, features, size, bias, transposed=True)

    def normalize(self, x: jax.Array, name: str, *, train: bool) -> jax.Array:
        """The norm behind a convolution: float32 [batch, height, width, channels] to the same."""
        if self.config.norm == "batch":
            deviations = initializers.normal(self.config.init_gain)
            return BatchNorm(self.axis_name, self.keep_averages, lambda *given: 1.0 + deviations(*given), name=name)(
                x, train=train
            )
        if self.config.norm == "instance":
            return nn.InstanceNorm(
                epsilon=1e-5, use_bias=False, use_scale=False, use_fast_variance=False, feature_axes=-1, name=name
            )(x)
        return x

    def _conv(self, name: str, features: int, size: int, bias: bool | None, **options: Any) -> Conv:
        gain = self.config.init_gain
        # As in PyTorch, the fan-in of a transposed convolution counts its channels out: the last axis but one.
        kernel_init = {
            "normal": initializers.normal(gain),
            "xavier": initializers.variance_scaling(gain**2, "fan_avg", "normal"),
            "kaiming": initializers.variance_scaling(2.0, "fan_in", "normal"),
            "orthogonal": initializers.orthogonal(gain),
        }[self.config.init]
        use_bias = self.config.norm == "instance" if bias is None else bias
        return Conv(features, size, self.dtype, use_bias=use_bias, kernel_init=kernel_init, name=name, **options)


def beginning(module: nn.Module, init: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """How a parameter of a module begins, or zeros where it is there already.

    Flax traces this to know its shape, whenever it is used: half of the time that it takes to trace a network.
    """
    return init if module.is_initializing() else initializers.zeros


def check_divisible(x: jax.Array, multiple: int, network: str) -> None:
    """Raises ValueError unless height and width of x [batch, height, width, channels] divide by `multiple`."""
    height, width = x.shape[1:3]
    if height % multiple or width % multiple:
        raise ValueError(f"the {network} needs height and width divisible by {multiple}, got {height}×{width}")
