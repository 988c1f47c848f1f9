"""Which networks a config asks for."""

from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp

from pix2pix_jax.networks.efficientnet import EfficientNetUNet, Variant
from pix2pix_jax.networks.layers import Init, Layers, Norm
from pix2pix_jax.networks.patchgan import PatchGAN, PixelGAN
from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator
from pix2pix_jax.networks.resnet import ResNet
from pix2pix_jax.networks.unet import UNet

Generator = ReferenceGenerator | UNet | ResNet | EfficientNetUNet
Discriminator = ReferenceDiscriminator | PatchGAN | PixelGAN


@dataclass(frozen=True)
class GeneratorConfig:
    """The network that makes images. `NETWORK_KEYS` says which network reads which key."""

    network: Literal["reference", "unet", "resnet", "efficientnet"] = "reference"
    depth: int = 8  # unet: how many times the image is halved; 8 for 256×256, 7 for 128×128
    blocks: int = 9  # resnet: residual blocks
    width: int = 64  # channels of the first layer; efficientnet: of the last level up
    variant: Variant = "lite0"  # efficientnet: of the encoder
    encoder_weights: str = "imagenet"  # efficientnet: those of the installed package, a .pth file of it, or "random"
    encoder_rate: float = 0.0  # efficientnet: the encoder's learning rate as a share of G's; 0 for one that stays
    norm: Norm = "batch"
    dropout: float = 0.5  # share of the values that become 0; 0 for no dropout
    dropout_at: Literal["innermost", "above_innermost"] = "innermost"  # unet: the paper's place, the PyTorch code's
    upsampling: Literal["transposed", "resize"] = "transposed"  # resize: no checkerboard
    init: Init = "normal"
    init_gain: float = 0.02


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The network that judges images. `NETWORK_KEYS` says which network reads which key."""

    network: Literal["reference", "patchgan", "pixel"] = "reference"
    layers: int = 3  # patchgan: layers of stride 2; 1 to 6 for patches of 16, 34, 70, 142, 286, 574 pixels
    width: int = 64  # channels of the first layer
    norm: Norm = "batch"
    init: Init = "normal"
    init_gain: float = 0.02


_COMMON = {"width", "norm", "init", "init_gain"}

NETWORK_KEYS: dict[str, dict[str, set[str]]] = {
    "generator": {
        "reference": set(),
        "unet": _COMMON | {"depth", "dropout", "dropout_at", "upsampling"},
        "resnet": _COMMON | {"blocks", "dropout", "upsampling"},
        "efficientnet": {"width", "variant", "encoder_weights", "encoder_rate"},
    },
    "discriminator": {"reference": set(), "patchgan": _COMMON | {"layers"}, "pixel": _COMMON},
}
"""The keys that each network reads, beside `network`; the reference's networks are of one form."""


def make_generator(
    config: GeneratorConfig, out_channels: int, dtype: Any = jnp.float32, axis_name: str | None = None
) -> Generator:
    """Makes the generator module that a config describes.

    Args:
        config: which network.
        out_channels: channels of the image it makes.
        dtype: dtype of the computation, float32 or bfloat16.
        axis_name: mapped axis over which batch statistics are shared; None where the batch is on one device.
    """
    if config.network == "reference":
        return ReferenceGenerator(out_channels, dtype, axis_name)
    if config.network == "efficientnet":
        frozen = config.encoder_rate == 0.0
        return EfficientNetUNet(out_channels, config.variant, config.width, frozen, dtype, axis_name)
    layers = Layers(config.norm, config.init, config.init_gain, dtype, axis_name)
    if config.network == "resnet":
        return ResNet(out_channels, config.blocks, config.width, config.dropout, config.upsampling, layers)
    return UNet(out_channels, config.depth, config.width, config.dropout, config.dropout_at, config.upsampling, layers)


def make_discriminator(
    config: DiscriminatorConfig, dtype: Any = jnp.float32, axis_name: str | None = None
) -> Discriminator:
    """Makes the discriminator module that a config describes; the arguments as for `make_generator`."""
    if config.network == "reference":
        return ReferenceDiscriminator(dtype, axis_name)
    layers = Layers(config.norm, config.init, config.init_gain, dtype, axis_name, keep_averages=False)
    if config.network == "pixel":
        return PixelGAN(config.width, layers)
    return PatchGAN(config.layers, config.width, layers)
