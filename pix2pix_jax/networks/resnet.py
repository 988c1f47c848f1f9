"""The residual generator of Johnson et al., as in the pix2pix authors' PyTorch code."""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.blocks import check_divisible
from pix2pix_jax.networks.layers import Layers, dropout


class ResNet(nn.Module):
    """Two halvings, residual blocks, two doublings (Johnson et al., 2016).

    With 9 blocks and width 64 it is the authors' `resnet_9blocks` (11.4 M parameters), with 6 their `resnet_6blocks`.

    Attributes:
        out_channels: channels of the image it makes.
        blocks: how many residual blocks.
        width: channels of the first layer.
        dropout_rate: share of the values that dropout sets to 0, where it is active: see `layers.dropout`.
        upsampling: "transposed" or "resize", see `Layers.upsampling`.
        layers: what its layers have in common.
    """

    out_channels: int
    blocks: int = 9
    width: int = 64
    dropout_rate: float = 0.5
    upsampling: Literal["transposed", "resize"] = "transposed"
    layers: Layers = Layers()

    size_multiple = 4
    """Height and width of what it sees must be divisible by this."""

    smallest_size = 8
    """The least height and width that it takes."""

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, channels] in [-1, 1]; height and width divisible
                by 4, at least 8.
            train: as for `UNet`.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 4.
        """
        check_divisible(condition, self.size_multiple, "generator")
        layers, width = self.layers, self.width

        def convolved(x: jax.Array, name: str, features: int, size: int, stride: int, padding: int) -> jax.Array:
            x = layers.conv(name, features, size, stride, padding)(x)
            return layers.normalize(x, f"{name}_norm", train=train)

        x = nn.relu(convolved(_reflected(condition, 3), "first", width, 7, 1, 0))
        x = nn.relu(convolved(x, "down1", 2 * width, 3, 2, 1))
        x = nn.relu(convolved(x, "down2", 4 * width, 3, 2, 1))
        for block in range(1, self.blocks + 1):
            y = nn.relu(convolved(_reflected(x, 1), f"block{block}_1", 4 * width, 3, 1, 0))
            y = dropout(y, self.dropout_rate, self)
            x = x + convolved(_reflected(y, 1), f"block{block}_2", 4 * width, 3, 1, 0)
        for level, features in ((2, 2 * width), (1, width)):
            x = layers.upsampling(f"up{level}", features, self.upsampling, size=3)(x)
            x = nn.relu(layers.normalize(x, f"up{level}_norm", train=train))
        last = layers.conv("last", self.out_channels, size=7, stride=1, padding=0, bias=True)
        return jnp.tanh(last(_reflected(x, 3)))


def _reflected(x: jax.Array, margin: int) -> jax.Array:
    """Pads height and width of [batch, height, width, channels] with what lies inside, mirrored at the edge pixel."""
    return jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
