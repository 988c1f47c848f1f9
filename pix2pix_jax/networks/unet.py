"""The U-Net generator: grey in, colour out."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.blocks import Block, OutputConv, check_divisible
from pix2pix_jax.ops import avg_pool

SIZE_MULTIPLE = 16
"""Height and width of what the generator sees must be divisible by this."""


class Generator(nn.Module):
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

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, channels] in [-1, 1]; height and width divisible
                by 16.
            train: whether to normalise by the batch's statistics and move the averages, rather than to use them.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 16.
        """
        check_divisible(condition, SIZE_MULTIPLE, "generator")
        block = partial(Block, activation=nn.relu, dtype=self.dtype, axis_name=self.axis_name)
        enc1 = block(32, size=5, name="enc1")(condition, train=train)
        enc2 = block(64, name="enc2")(avg_pool(enc1, 4), train=train)
        enc3 = block(128, name="enc3")(avg_pool(enc2, 2), train=train)
        enc4 = block(256, name="enc4")(avg_pool(enc3, 2), train=train)
        dec1 = block(128, upsample=2, name="dec1")(enc4, train=train)
        dec2 = block(64, upsample=2, name="dec2")(jnp.concatenate([dec1, enc3], -1), train=train)
        dec3 = block(32, upsample=4, name="dec3")(jnp.concatenate([dec2, enc2], -1), train=train)
        dec4 = OutputConv(self.out_channels, 5, dtype=self.dtype, name="dec4")
        return jnp.tanh(dec4(jnp.concatenate([dec3, enc1], -1)))
