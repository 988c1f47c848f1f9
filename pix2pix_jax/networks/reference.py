"""The reference's networks: a small U-Net, and a PatchGAN with one logit for each 32×32 pixels."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.layers import Block, check_divisible
from pix2pix_jax.ops import avg_pool


class ReferenceGenerator(nn.Module):
    """U-Net of 0.87 M parameters with average pooling down, nearest-neighbour upsampling and skips by concatenation.

    Running averages of the batch norms live in the collection `batch_stats`.

    Attributes:
        out_channels: channels of the image it makes: 2 (chroma) or 3 (RGB).
        dtype: dtype of the computation, float32 or bfloat16; parameters and statistics are float32.
        axis_name: mapped axis over which batch statistics are shared; None where the batch is on one device.
    """

    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = 16

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, channels] in [-1, 1]; height and width divisible
                by 16.
            train: whether to normalise by the batch's statistics rather than by the running averages, which move
                where the collection `batch_stats` is mutable.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 16.
        """
        check_divisible(condition, self.size_multiple, "generator")
        block = partial(Block, slope=0.0, dtype=self.dtype, axis_name=self.axis_name)
        enc1 = block(32, size=5, name="enc1")(condition, train=train)
        enc2 = block(64, name="enc2")(avg_pool(enc1, 4), train=train)
        enc3 = block(128, name="enc3")(avg_pool(enc2, 2), train=train)
        enc4 = block(256, name="enc4")(avg_pool(enc3, 2), train=train)
        dec1 = block(128, upsample=2, name="dec1")(enc4, train=train)
        dec2 = block(64, upsample=2, name="dec2")(jnp.concatenate([dec1, enc3], -1), train=train)
        dec3 = block(32, upsample=4, name="dec3")(jnp.concatenate([dec2, enc2], -1), train=train)
        return jnp.tanh(block(self.out_channels, slope=None, size=5, name="dec4")(dec3, enc1))


class ReferenceDiscriminator(nn.Module):
    """PatchGAN of 1.18 M parameters: one logit for each 32×32 pixels.

    Always normalises by the batch's own statistics: it is only ever trained, so it keeps no averages.

    Attributes:
        dtype, axis_name: as for `ReferenceGenerator`.
    """

    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = 32

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Classifies an image, patch by patch.

        Args:
            image: float [batch, height, width, channels] in [-1, 1]; height and width divisible by 32.

        Returns:
            float32 [batch, height / 32, width / 32, 1], the logit of each patch being real.

        Raises:
            ValueError: if height or width is not divisible by 32.
        """
        check_divisible(image, self.size_multiple, "discriminator")
        block = partial(Block, slope=0.2, keep_averages=False, dtype=self.dtype, axis_name=self.axis_name)
        x = block(16, size=5, name="conv1")(image)
        for stage, (pool, features) in enumerate([(4, 32), (2, 64), (2, 128), (2, 256)], start=2):
            x = block(features, name=f"conv{stage}_1")(avg_pool(x, pool))
            x = block(features, name=f"conv{stage}_2")(x)
        return block(1, slope=None, size=1, name="head")(x)
