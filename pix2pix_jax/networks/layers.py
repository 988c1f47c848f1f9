"""What the paper's networks are made of: convolutions with their start values, and the norm between them."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn import initializers

from pix2pix_jax import ops
from pix2pix_jax.networks.blocks import BatchNorm

Norm = Literal["batch", "instance", "none"]
Init = Literal["normal", "xavier", "kaiming", "orthogonal"]


@dataclasses.dataclass(frozen=True)
class Layers:
    """Makes the layers of one network, which have these things in common.

    As in the authors' PyTorch code, a convolution that a norm follows has a bias only where that norm is instance
    norm, and batch norms begin with scales from N(1, `init_gain`).

    Attributes:
        norm: "batch", "instance" (without scale and bias), or "none".
        init: how kernels begin: "normal" (standard deviation `init_gain`), "xavier" (normal, times `init_gain`),
            "kaiming" (normal, by fan-in) or "orthogonal" (times `init_gain`). Biases begin with 0.
        init_gain: see `init`.
        dtype: dtype of the computation, float32 or bfloat16; parameters and statistics are float32.
        axis_name: mapped axis over which batch statistics are shared; None where the batch is on one device.
        keep_averages: whether batch norms keep running averages (collection `batch_stats`).
    """

    norm: Norm = "batch"
    init: Init = "normal"
    init_gain: float = 0.02
    dtype: Any = jnp.float32
    axis_name: str | None = None
    keep_averages: bool = True

    def conv(
        self,
        name: str,
        features: int,
        size: int = 4,
        stride: int = 2,
        padding: int = 1,
        bias: bool | None = None,
    ) -> "Conv2d":
        """A convolution; None for `bias` if a norm may follow."""
        bias = self.norm == "instance" if bias is None else bias
        return Conv2d(features, bias, self._kernel_init(), self.dtype, size, stride, padding, name=name)

    def upsampling(
        self,
        name: str,
        features: int,
        kind: Literal["transposed", "resize"],
        size: int = 4,
        bias: bool | None = None,
    ) -> "ConvTranspose2d | ResizeConv2d":
        """A layer that doubles height and width: a transposed convolution, or nearest-neighbour and convolution."""
        bias = self.norm == "instance" if bias is None else bias
        if kind == "resize":
            return ResizeConv2d(features, bias, self._kernel_init(), self.dtype, name=name)
        return ConvTranspose2d(features, bias, self._kernel_init(), self.dtype, size, name=name)

    def normalize(self, x: jax.Array, name: str, *, train: bool) -> jax.Array:
        """The norm behind a convolution: float32 [batch, height, width, channels] to the same."""
        if self.norm == "batch":
            scale_init = _normal_around_one(self.init_gain)
            return BatchNorm(self.axis_name, self.keep_averages, scale_init, name=name)(x, train=train)
        if self.norm == "instance":
            return nn.InstanceNorm(
                epsilon=1e-5, use_bias=False, use_scale=False, use_fast_variance=False, feature_axes=-1, name=name
            )(x)
        return x

    def _kernel_init(self) -> initializers.Initializer:
        # As in PyTorch, the fan-in of a transposed convolution counts its channels out: the last axis but one.
        if self.init == "normal":
            return initializers.normal(self.init_gain)
        if self.init == "xavier":
            return initializers.variance_scaling(self.init_gain**2, "fan_avg", "normal")
        if self.init == "kaiming":
            return initializers.variance_scaling(2.0, "fan_in", "normal")
        return initializers.orthogonal(self.init_gain)


def _normal_around_one(deviation: float) -> Callable[..., jax.Array]:
    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        return 1.0 + deviation * jax.random.normal(key, shape, dtype)

    return init


class _Convolution(nn.Module):
    """What the convolutions have in common.

    Attributes:
        features: channels out.
        use_bias: whether to add a bias, which begins with 0.
        kernel_init: how the kernel begins.
        dtype: dtype of the products, float32 or bfloat16; parameters are float32.
    """

    features: int
    use_bias: bool
    kernel_init: initializers.Initializer
    dtype: Any

    def _convolved(
        self, operation: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, shape: tuple[int, ...]
    ) -> jax.Array:
        y = operation(x.astype(self.dtype), self.param("kernel", self.kernel_init, shape, jnp.float32))
        return y + self.param("bias", initializers.zeros, (self.features,), jnp.float32) if self.use_bias else y


class Conv2d(_Convolution):
    """Convolution with zero padding; its kernel is [size, size, in, out].

    Attributes:
        size: side of the kernel.
        stride: 1 or 2.
        padding: zeros on each side.
    """

    size: int
    stride: int
    padding: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in] to float32 [batch, (height + 2 · padding - size) // stride + 1, …, out]."""
        operation = partial(ops.conv2d, stride=self.stride, padding=self.padding)
        return self._convolved(operation, x, (self.size, self.size, x.shape[-1], self.features))


class ConvTranspose2d(_Convolution):
    """Transposed convolution of stride 2 that doubles height and width; its kernel is [size, size, out, in].

    Attributes:
        size: side of the kernel, 3 or 4.
    """

    size: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in] to float32 [batch, 2 · height, 2 · width, out]."""
        return self._convolved(ops.conv_transpose2d, x, (self.size, self.size, self.features, x.shape[-1]))


class ResizeConv2d(_Convolution):
    """Nearest-neighbour upsampling by 2 and a 3×3 convolution: no checkerboard (Odena et al., Distill 2016)."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, height, width, in] to float32 [batch, 2 · height, 2 · width, out]."""
        return self._convolved(partial(ops.upsample_conv2d, factor=2), x, (3, 3, x.shape[-1], self.features))


def dropout(x: jax.Array, rate: float, module: nn.Module) -> jax.Array:
    """Dropout, active where the module was applied with a key: `rngs={"dropout": key}`.

    Args:
        x: any shape.
        rate: share of the values that become 0; the others grow so that the mean stays.
        module: the module that is being applied.
    """
    return nn.Dropout(rate, deterministic=not module.has_rng("dropout"))(x)
