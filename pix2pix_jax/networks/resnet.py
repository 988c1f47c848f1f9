"""The residual generator of Johnson et al., as in the pix2pix authors' PyTorch code."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.config import GeneratorConfig
from pix2pix_jax.networks.layers import Layers, check_divisible


class ResNet(nn.Module):
    """Two halvings, residual blocks, two doublings (Johnson et al., 2016).

    With 9 blocks and width 64 it is the authors' `resnet_9blocks` (11.4 M parameters), with 6 their `resnet_6blocks`.

    Attributes:
        config: its blocks, width, norm, dropout, upsampling and start values.
        out_channels, dtype, axis_name: as for `ReferenceGenerator`.
    """

    config: GeneratorConfig
    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = 4
    smallest_size = 8

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image, as `ReferenceGenerator` does; height and width must be divisible by 4, and at least 8."""
        check_divisible(condition, self.size_multiple, "generator")
        layers, width = Layers(self.config, self.dtype, self.axis_name), self.config.width

        def convolved(x: jax.Array, name: str, features: int, size: int, stride: int, padding: int) -> jax.Array:
            x = layers.conv(name, features, size, stride, padding)(x)
            return layers.normalize(x, f"{name}_norm", train=train)

        x = nn.relu(convolved(_reflected(condition, 3), "first", width, 7, 1, 0))
        x = nn.relu(convolved(x, "down1", 2 * width, 3, 2, 1))
        x = nn.relu(convolved(x, "down2", 4 * width, 3, 2, 1))
        for block in range(1, self.config.blocks + 1):
            y = nn.relu(convolved(_reflected(x, 1), f"block{block}_1", 4 * width, 3, 1, 0))
            y = nn.Dropout(self.config.dropout, deterministic=not self.has_rng("dropout"))(y)
            x = x + convolved(_reflected(y, 1), f"block{block}_2", 4 * width, 3, 1, 0)
        for level, features in ((2, 2 * width), (1, width)):
            x = layers.up(f"up{level}", features, size=3)(x)
            x = nn.relu(layers.normalize(x, f"up{level}_norm", train=train))
        last = layers.conv("last", self.out_channels, size=7, stride=1, padding=0, bias=True)
        return jnp.tanh(last(_reflected(x, 3)))


def _reflected(x: jax.Array, margin: int) -> jax.Array:
    """Pads height and width of [batch, height, width, channels] with what lies inside, mirrored at the edge pixel."""
    return jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
