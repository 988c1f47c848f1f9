"""A generator that begins with an encoder which knows what things are: EfficientNet-Lite, trained on ImageNet."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.config import GeneratorConfig
from pix2pix_jax.networks.efficientnet.encoder import Encoder
from pix2pix_jax.networks.layers import BatchNorm, Block, Conv, check_divisible

_STRIDES = (2, 4, 8, 16, 32)
_EARLY = 4  # up to this stride are edges and textures, which are the same here: they stay, and make half of the work
SMALLEST_SEEN = 128
"""px; smaller images are enlarged before they are encoded."""


class EfficientNetUNet(nn.Module):
    """U-Net whose way down is an `Encoder`. Its way up ends at half the size, and is enlarged from there.

    The way up adds the encoder's features to its own, as feature pyramid networks do (Lin et al., 2017). The level of
    stride s has `width` · min(s / 2, 8) channels. Images whose shorter side is less than 128 are enlarged to that
    first, since the encoder has learned from photographs of 224×224.

    Attributes:
        config: the variant of the encoder, the width of the way up at stride 2, and whether all of the encoder stays as
            it is in training, rather than what makes strides 2 and 4 alone.
        out_channels, dtype, axis_name: as for `UNet`.
    """

    config: GeneratorConfig
    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = _STRIDES[-1]

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, 1 or 3] in [-1, 1]; height and width divisible
                by 32.
            train: as for `UNet`, of the norms of the way up.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 32, or there are neither 1 nor 3 channels.
        """
        check_divisible(condition, self.size_multiple, "generator")
        batch, height, width, channels = condition.shape
        if channels not in (1, 3):
            raise ValueError(f"the encoder sees grey or RGB images: 1 or 3 channels, got {channels}")
        image = condition
        if height < SMALLEST_SEEN or width < SMALLEST_SEEN:
            seen = [32 * round(side * SMALLEST_SEEN / min(height, width) / 32) for side in (height, width)]
            image = jax.image.resize(condition, (batch, *seen, channels), "cubic")
        frozen_to = _STRIDES[-1] if self.config.encoder_rate == 0.0 else _EARLY
        encoder = Encoder(self.config.variant, self.dtype, frozen_to, name="encoder")
        *skips, deepest = encoder(jnp.broadcast_to(image, (*image.shape[:3], 3)))
        x = nn.relu(Conv(self._channels(_STRIDES[-1]), 1, self.dtype, name="bottom")(deepest))
        for stride, skip in zip(reversed(_STRIDES[:-1]), reversed(skips), strict=True):
            x = self._up(x, skip, stride, train=train)
        made = jnp.tanh(Block(self.out_channels, None, dtype=self.dtype, name="last")(x))
        return jax.image.resize(made, (batch, height, width, self.out_channels), "linear")

    def _up(self, x: jax.Array, skip: jax.Array, stride: int, *, train: bool) -> jax.Array:
        """One level of the way up: twice the size, and the encoder's features of that size added."""
        channels = self._channels(stride)
        y = Conv(channels, 1, self.dtype, name=f"up{stride}")(x).repeat(2, 1).repeat(2, 2)
        y += Conv(channels, 1, self.dtype, name=f"skip{stride}")(skip)
        y = BatchNorm(self.axis_name, slope=0.0, dtype=self.dtype, name=f"norm{stride}")(y, train=train)
        return Block(channels, 0.0, dtype=self.dtype, axis_name=self.axis_name, name=f"block{stride}")(y, train=train)

    def _channels(self, stride: int) -> int:
        return self.config.width * min(stride // 2, 8)
