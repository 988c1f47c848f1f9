"""A discriminator that sees images through an encoder which knows what things are (Sauer et al., NeurIPS 2021)."""

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import initializers

from pix2pix_jax.networks.config import DiscriminatorConfig
from pix2pix_jax.networks.efficientnet.encoder import Encoder, size_seen
from pix2pix_jax.networks.layers import Conv

_STRIDES = (4, 8, 16, 32)


class ProjectedDiscriminator(nn.Module):
    """Small heads on the features of an `Encoder`, one at each of the strides 4, 8, 16 and 32.

    Training leaves the encoder as it is, and the random mixing of its channels in front of the heads. Both are in the
    parameters `frozen`. Images whose shorter side is less than 128 are enlarged to that first. No norm mixes images.

    Attributes:
        config: the variant of the encoder, and the heads' width.
        dtype, axis_name: as for `ReferenceDiscriminator`; the latter is not used, as there is no batch norm.
    """

    config: DiscriminatorConfig
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = _STRIDES[-1]

    @nn.compact
    def __call__(self, pictures: jax.Array) -> tuple[jax.Array, ...]:
        """Classifies images, patch by patch at every stride.

        Args:
            pictures: RGB images of which each is seen beside the others, one behind another along the channels:
                float [batch, height, width, 3 · count] in [-1, 1], see a task's `pictures`.

        Returns:
            For each stride the logits of each patch being real, float32 [batch, seen height / stride, …, 1]. What
            the heads are given is in the collection `features`, where that is mutable.
        """
        batch, *size, channels = pictures.shape
        if (seen := size_seen(*size)) != tuple(size):
            pictures = jax.image.resize(pictures, (batch, *seen, channels), "cubic")
        frozen = nn.map_variables(
            _Frozen, "params", partial(jax.tree.map, lax.stop_gradient), init=self.is_initializing()
        )
        mixed = frozen(self.config, self.dtype, name="frozen")(pictures)
        self.sow("features", "mixed", mixed)
        heads = (_Head(self.dtype, name=f"head{stride}") for stride in _STRIDES)
        return tuple(head(x) for head, x in zip(heads, mixed, strict=True))


class _Frozen(nn.Module):
    """The encoder's features at each stride, mixed at random to as many channels as the heads have."""

    config: DiscriminatorConfig
    dtype: Any

    @nn.compact
    def __call__(self, pictures: jax.Array) -> list[jax.Array]:
        encoder = Encoder(self.config.variant, self.dtype, name="encoder")
        found = [encoder(picture)[1:] for picture in jnp.split(pictures, pictures.shape[-1] // 3, -1)]
        mix = partial(Conv, self.config.width, 1, self.dtype, use_bias=False, kernel_init=initializers.lecun_normal())
        return [
            mix(name=f"mix{stride}")(jnp.concatenate(features, -1))
            for stride, *features in zip(_STRIDES, *found, strict=True)
        ]


class _Head(nn.Module):
    """Convolution of 3×3, group norm, leaky ReLU, and a convolution of 3×3 to a logit."""

    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        x = Conv(width, 3, self.dtype, name="conv")(x)
        x = nn.GroupNorm(math.gcd(width, 8), epsilon=1e-5, use_fast_variance=False, name="norm")(x)
        return Conv(1, 3, self.dtype, name="logits")(nn.leaky_relu(x, 0.2))
