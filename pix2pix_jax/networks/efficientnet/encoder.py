"""EfficientNet-Lite as an encoder: features of an image at strides 2, 4, 8, 16 and 32."""

import math
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pix2pix_jax import ops
from pix2pix_jax.networks.config import Variant
from pix2pix_jax.networks.layers import Conv, beginning


class Stage(NamedTuple):
    """Blocks of one resolution: how many, and of the first its stride; channels out; depthwise kernel; expansion."""

    repeats: int
    stride: int
    channels: int
    kernel: int
    expansion: int


# EfficientNet-B0 (Tan and Le, 2019, table 1). The Lite variants scale its width and depth, but for the stem and the
# depth of the first and the last stage; they have ReLU6 in place of swish, and no squeeze and excitation.
_BASE = (
    Stage(1, 1, 16, 3, 1),
    Stage(2, 2, 24, 3, 6),
    Stage(2, 2, 40, 5, 6),
    Stage(3, 2, 80, 3, 6),
    Stage(3, 1, 112, 5, 6),
    Stage(4, 2, 192, 5, 6),
    Stage(1, 1, 320, 3, 6),
)
_SCALES: dict[str, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
_STEM_CHANNELS = 32
_MULTIPLE = 32  # of height and width

SMALLEST_SEEN = 128
"""px; smaller images are enlarged before they are encoded."""

_conv = partial(Conv, padding=0, kernel_init=nn.initializers.he_normal())


def stages(variant: Variant) -> list[Stage]:
    """The stages of a variant."""
    width, depth = _SCALES[variant]
    inner = range(1, len(_BASE) - 1)
    return [
        stage._replace(
            channels=_round_to_eight(stage.channels * width),
            repeats=math.ceil(stage.repeats * depth) if place in inner else stage.repeats,
        )
        for place, stage in enumerate(_BASE)
    ]


def _round_to_eight(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def size_seen(height: int, width: int) -> tuple[int, int]:
    """The height and width, px, at which an image is encoded: multiples of 32, and at least `SMALLEST_SEEN`."""
    if height >= SMALLEST_SEEN and width >= SMALLEST_SEEN and height % _MULTIPLE == width % _MULTIPLE == 0:
        return height, width  # which exports leave open
    smallest = min(height, width)
    rounded = [round(side * max(smallest, SMALLEST_SEEN) / smallest / _MULTIPLE) for side in (height, width)]
    return _MULTIPLE * rounded[0], _MULTIPLE * rounded[1]


class Encoder(nn.Module):
    """EfficientNet-Lite without its head. Its batch norms are folded into the convolutions, so it has none.

    Attributes:
        variant: "lite0", "lite1" or "lite2".
        dtype: dtype of the products, float32 or bfloat16; parameters are float32.
        frozen_to: what makes the features up to this stride stays as it is in training; 0 where all of it learns.
    """

    variant: Variant = "lite0"
    dtype: Any = jnp.float32
    frozen_to: int = 0

    @nn.compact
    def __call__(self, image: jax.Array) -> list[jax.Array]:
        """Finds features.

        Args:
            image: [batch, height, width, 3], normalised as the weights want it; height and width divisible by 32.

        Returns:
            Features at strides 2, 4, 8, 16 and 32: the last of each size, float32 [batch, height / stride, …].
        """
        # One row and column of zeros behind, and none in front, as TensorFlow's "SAME".
        x = jnp.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)))
        x = _relu6(_conv(_STEM_CHANNELS, 3, self.dtype, stride=2, name="stem")(x))
        features: list[jax.Array] = []
        number = 0
        for stage in stages(self.variant):
            if stage.stride == 2:
                features.append(self._found(x, len(features)))
                x = features[-1]
            for place in range(stage.repeats):
                stride = stage.stride if place == 0 else 1
                x = _Block(stage, stride, self.dtype, name=f"block{number}")(x)
                number += 1
        return [*features, self._found(x, len(features))]

    def _found(self, x: jax.Array, level: int) -> jax.Array:
        return lax.stop_gradient(x) if 2 ** (level + 1) <= self.frozen_to else x


class _Block(nn.Module):
    """Inverted residual block (Sandler et al., 2018): expand, filter each channel, project, and add."""

    stage: Stage
    stride: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels, y = x.shape[-1], x
        if self.stage.expansion > 1:
            y = _relu6(_conv(channels * self.stage.expansion, 1, self.dtype, name="expand")(y))
        y = _relu6(_DepthwiseConv(self.stage.kernel, self.stride, self.dtype, name="depthwise")(y))
        y = _conv(self.stage.channels, 1, self.dtype, name="project")(y)
        return y + x if self.stride == 1 and channels == self.stage.channels else y


class _DepthwiseConv(nn.Module):
    """Depthwise convolution with a bias; its kernel is [size, size, channels]."""

    size: int
    stride: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        init = nn.initializers.variance_scaling(2.0, "fan_in", "normal", in_axis=(0, 1), out_axis=())
        kernel = self.param("kernel", beginning(self, init), (self.size, self.size, channels), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)
        return ops.depthwise_conv2d(x.astype(self.dtype), kernel, self.stride) + bias


def _relu6(x: jax.Array) -> jax.Array:
    return jnp.clip(x, 0.0, 6.0)  # whose gradient at 0 and 6 is a half, and not 0 as that of `nn.relu6`
