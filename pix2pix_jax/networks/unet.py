"""The paper's U-Net generator, of any depth and width."""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.blocks import check_divisible
from pix2pix_jax.networks.layers import Layers, dropout

_WIDEST = 8  # times the width of the first level


class UNet(nn.Module):
    """U-Net of 4×4 convolutions of stride 2 (Isola et al., 2017, appendix; layers as in the authors' PyTorch code).

    Level k has `width` · min(2^(k-1), 8) channels at 1/2^k of the size. There is no norm on the first and the
    innermost level down, and none on the last layer. With depth 8 and width 64 it is the authors' `unet_256`
    (54.4 M parameters), with depth 7 their `unet_128` (41.8 M).

    Attributes:
        out_channels: channels of the image it makes.
        depth: how many times the image is halved.
        width: channels of the first level.
        dropout_rate: share of the values that dropout sets to 0, where it is active: see `layers.dropout`.
        dropout_at: "innermost", the three innermost layers up, as in the paper; or "above_innermost", the layers
            up above the innermost one that have as many channels as it, as in the authors' PyTorch code.
        upsampling: "transposed" or "resize", see `Layers.upsampling`.
        layers: what its layers have in common.
    """

    out_channels: int
    depth: int = 8
    width: int = 64
    dropout_rate: float = 0.5
    dropout_at: Literal["innermost", "above_innermost"] = "innermost"
    upsampling: Literal["transposed", "resize"] = "transposed"
    layers: Layers = Layers()

    @property
    def size_multiple(self) -> int:
        """Height and width of what it sees must be divisible by this."""
        return 2**self.depth

    @property
    def smallest_size(self) -> int:
        """The least height and width that it takes."""
        return 2**self.depth

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, channels] in [-1, 1]; height and width divisible
                by 2^depth.
            train: whether to normalise by the batch's statistics rather than by the running averages, which move
                where the collection `batch_stats` is mutable.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 2^depth.
        """
        check_divisible(condition, self.size_multiple, "generator")
        layers, x, skips = self.layers, condition, []
        for level in range(1, self.depth + 1):
            if level > 1:
                x = nn.leaky_relu(x, 0.2)
            x = layers.conv(f"down{level}", self._channels(level))(x)
            if 1 < level < self.depth:
                x = layers.normalize(x, f"down{level}_norm", train=train)
            skips.append(x.astype(layers.dtype))
        x = skips.pop()
        for level in range(self.depth, 1, -1):
            x = layers.upsampling(f"up{level}", self._channels(level - 1), self.upsampling)(nn.relu(x))
            x = layers.normalize(x, f"up{level}_norm", train=train)
            if self._drops_out(level):
                x = dropout(x, self.dropout_rate, self)
            x = jnp.concatenate([skips.pop(), x.astype(layers.dtype)], -1)
        return jnp.tanh(layers.upsampling("up1", self.out_channels, self.upsampling, bias=True)(nn.relu(x)))

    def _channels(self, level: int) -> int:
        return self.width * min(2 ** (level - 1), _WIDEST)

    def _drops_out(self, level: int) -> bool:
        if self.dropout_at == "innermost":
            return level > self.depth - 3
        return level < self.depth and self._channels(level - 1) == self.width * _WIDEST
