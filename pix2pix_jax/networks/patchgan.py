"""The PatchGAN discriminator: is each patch of this image real?"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.blocks import Block, OutputConv, check_divisible
from pix2pix_jax.ops import avg_pool

SIZE_MULTIPLE = 32
"""Height and width of what the discriminator sees must be divisible by this."""


class Discriminator(nn.Module):
    """PatchGAN of 1.18 M parameters: one logit for each 32×32 pixels.

    Always normalises by the batch's own statistics: it is only ever trained, so it keeps no averages.

    Attributes:
        dtype: dtype of the computation, float32 or bfloat16; parameters and statistics are float32.
        axis_name: mapped axis over which batch statistics are shared; None where the batch is on one device.
    """

    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges an image, patch by patch.

        Args:
            image: float [batch, height, width, channels] in [-1, 1]; height and width divisible by 32.

        Returns:
            float32 [batch, height / 32, width / 32, 1], the logit of each patch being real.

        Raises:
            ValueError: if height or width is not divisible by 32.
        """
        check_divisible(image, SIZE_MULTIPLE, "discriminator")
        block = partial(
            Block,
            activation=partial(nn.leaky_relu, negative_slope=0.2),
            keep_averages=False,
            dtype=self.dtype,
            axis_name=self.axis_name,
        )
        x = block(16, size=5, name="conv1")(image)
        for stage, (pool, features) in enumerate([(4, 32), (2, 64), (2, 128), (2, 256)], start=2):
            x = block(features, name=f"conv{stage}_1")(avg_pool(x, pool))
            x = block(features, name=f"conv{stage}_2")(x)
        return OutputConv(1, 1, dtype=self.dtype, name="head")(x)
