"""The paper's discriminators: a PatchGAN of any number of layers, and the PixelGAN."""

import flax.linen as nn
import jax

from pix2pix_jax.networks.layers import Layers

_WIDEST = 8  # times the width of the first layer


class PatchGAN(nn.Module):
    """Fully convolutional discriminator of 4×4 convolutions: one logit for each patch (Isola et al., 2017, 3.2).

    Always normalises by the batch's own statistics: it is only ever trained, so it keeps no averages.

    Attributes:
        layers_of_stride_2: 1 to 6, for patches of 16, 34, 70, 142, 286 or 574 pixels; the paper's is 3.
        width: channels of the first layer.
        layers: what its layers have in common.
    """

    layers_of_stride_2: int = 3
    width: int = 64
    layers: Layers = Layers(keep_averages=False)

    size_multiple = 1
    """Height and width of what it sees must be divisible by this."""

    @property
    def smallest_size(self) -> int:
        """The least height and width that it takes: of what is left after the halvings, the last two layers cut 2."""
        return 3 * 2**self.layers_of_stride_2

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges an image, patch by patch.

        Args:
            image: float [batch, height, width, channels] in [-1, 1], at least `smallest_size` high and wide.

        Returns:
            float32 [batch, height // 2^layers - 2, width // 2^layers - 2, 1], the logit of each patch being real.
        """
        layers = self.layers
        x = nn.leaky_relu(layers.conv("conv1", self.width, bias=True)(image), 0.2)
        for number in range(1, self.layers_of_stride_2 + 1):
            stride = 2 if number < self.layers_of_stride_2 else 1
            x = layers.conv(f"conv{number + 1}", self.width * min(2**number, _WIDEST), stride=stride)(x)
            x = nn.leaky_relu(layers.normalize(x, f"conv{number + 1}_norm", train=True), 0.2)
        return layers.conv("head", 1, stride=1, bias=True)(x)


class PixelGAN(nn.Module):
    """Discriminator of 1×1 convolutions, which judges every pixel by its colour alone (Isola et al., 2017, 4.4).

    Attributes:
        width: channels of the first layer.
        layers: what its layers have in common.
    """

    width: int = 64
    layers: Layers = Layers(keep_averages=False)

    size_multiple = 1
    """Height and width of what it sees must be divisible by this."""

    smallest_size = 1
    """The least height and width that it takes."""

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges an image, pixel by pixel.

        Args:
            image: float [batch, height, width, channels] in [-1, 1].

        Returns:
            float32 [batch, height, width, 1], the logit of each pixel being real.
        """
        layers = self.layers
        x = nn.leaky_relu(layers.conv("conv1", self.width, size=1, stride=1, padding=0, bias=True)(image), 0.2)
        x = layers.conv("conv2", 2 * self.width, size=1, stride=1, padding=0)(x)
        x = nn.leaky_relu(layers.normalize(x, "conv2_norm", train=True), 0.2)
        return layers.conv("head", 1, size=1, stride=1, padding=0)(x)
