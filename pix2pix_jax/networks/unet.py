"""The paper's U-Net generator, of any depth and width."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.config import GeneratorConfig
from pix2pix_jax.networks.layers import Layers, check_divisible

_WIDEST = 8  # times the width of the first level


class UNet(nn.Module):
    """U-Net of 4×4 convolutions of stride 2 (Isola et al., 2017, appendix; layers as in the authors' PyTorch code).

    Level k has `width` · min(2^(k-1), 8) channels at 1/2^k of the size. There is no norm on the first and the
    innermost level down, and none on the last layer. With depth 8 and width 64 it is the authors' `unet_256`
    (54.4 M parameters), with depth 7 their `unet_128` (41.8 M).

    Dropout is behind the three innermost layers up, as in the paper; with "above_innermost" behind those layers up
    above the innermost one that have as many channels as it, as in the authors' PyTorch code.

    Attributes:
        config: its depth, width, norm, dropout, upsampling and start values.
        out_channels, dtype, axis_name: as for `ReferenceGenerator`.
    """

    config: GeneratorConfig
    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @property
    def size_multiple(self) -> int:
        """Height and width of what it sees must be divisible by this."""
        return 2**self.config.depth

    smallest_size = size_multiple

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image, as `ReferenceGenerator` does; height and width must be divisible by 2^depth."""
        check_divisible(condition, self.size_multiple, "generator")
        layers, depth = Layers(self.config, self.dtype, self.axis_name), self.config.depth
        x, skips = condition, []
        for level in range(1, depth + 1):
            if level > 1:
                x = nn.leaky_relu(x, 0.2)
            x = layers.conv(f"down{level}", self._channels(level))(x)
            if 1 < level < depth:
                x = layers.normalize(x, f"down{level}_norm", train=train)
            skips.append(x.astype(self.dtype))
        x = nn.relu(skips.pop())
        for level in range(depth, 1, -1):
            x = layers.up(f"up{level}", self._channels(level - 1))(x)
            x = layers.normalize(x, f"up{level}_norm", train=train)
            if self._drops_out(level):
                x = nn.Dropout(self.config.dropout, deterministic=not self.has_rng("dropout"))(x)
            x = jnp.concatenate([nn.relu(skips.pop()), nn.relu(x.astype(self.dtype))], -1)
        return jnp.tanh(layers.up("up1", self.out_channels, bias=True)(x))

    def _channels(self, level: int) -> int:
        return self.config.width * min(2 ** (level - 1), _WIDEST)

    def _drops_out(self, level: int) -> bool:
        if self.config.dropout_at == "innermost":
            return level > self.config.depth - 3
        return level < self.config.depth and self._channels(level - 1) == self.config.width * _WIDEST
