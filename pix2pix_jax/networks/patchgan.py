"""The paper's discriminators: a PatchGAN of any number of layers, and the PixelGAN."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.config import DiscriminatorConfig
from pix2pix_jax.networks.layers import Layers

_WIDEST = 8  # times the width of the first layer


class PatchGAN(nn.Module):
    """Fully convolutional discriminator of 4×4 convolutions: one logit for each patch (Isola et al., 2017, 3.2).

    Always normalises by the batch's own statistics: it is only ever trained, so it keeps no averages.

    Attributes:
        config: its layers (the paper's are 3), width, norm and start values.
        dtype, axis_name: as for `ReferenceDiscriminator`.
    """

    config: DiscriminatorConfig
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = 1

    @property
    def smallest_size(self) -> int:
        """The least height and width that it takes: of what is left after the halvings, the last two layers cut 2."""
        return 3 * 2**self.config.layers

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Classifies an image, patch by patch.

        Args:
            image: float [batch, height, width, channels] in [-1, 1], at least `smallest_size` high and wide.

        Returns:
            float32 [batch, height // 2^layers - 2, width // 2^layers - 2, 1], the logit of each patch being real.
        """
        layers = Layers(self.config, self.dtype, self.axis_name, keep_averages=False)
        x = nn.leaky_relu(layers.conv("conv1", self.config.width, bias=True)(image), 0.2)
        for number in range(1, self.config.layers + 1):
            stride = 2 if number < self.config.layers else 1
            x = layers.conv(f"conv{number + 1}", self.config.width * min(2**number, _WIDEST), stride=stride)(x)
            x = nn.leaky_relu(layers.normalize(x, f"conv{number + 1}_norm", train=True), 0.2)
        return layers.conv("head", 1, stride=1, bias=True)(x)


class PixelGAN(nn.Module):
    """Discriminator of 1×1 convolutions, which classifies every pixel by its colour alone (Isola et al., 2017, 4.4).

    Attributes:
        config: its width, norm and start values.
        dtype, axis_name: as for `ReferenceDiscriminator`.
    """

    config: DiscriminatorConfig
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = 1

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Maps float [batch, height, width, channels] in [-1, 1] to the logit of each pixel being real, float32."""
        layers = Layers(self.config, self.dtype, self.axis_name, keep_averages=False)
        x = nn.leaky_relu(layers.conv("conv1", self.config.width, 1, 1, 0, bias=True)(image), 0.2)
        x = layers.conv("conv2", 2 * self.config.width, 1, 1, 0)(x)
        x = nn.leaky_relu(layers.normalize(x, "conv2_norm", train=True), 0.2)
        return layers.conv("head", 1, 1, 1, 0)(x)
