"""Which networks a config asks for."""

from typing import Any

import jax.numpy as jnp

from pix2pix_jax.networks.config import DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.networks.efficientnet import EfficientNetUNet, ProjectedDiscriminator
from pix2pix_jax.networks.patchgan import PatchGAN, PixelGAN
from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator
from pix2pix_jax.networks.resnet import ResNet
from pix2pix_jax.networks.unet import UNet

Generator = ReferenceGenerator | UNet | ResNet | EfficientNetUNet
Discriminator = ReferenceDiscriminator | PatchGAN | PixelGAN | ProjectedDiscriminator


def make_generator(
    config: GeneratorConfig, out_channels: int, dtype: Any = jnp.float32, axis_name: str | None = None
) -> Generator:
    """Makes the generator module that a config describes.

    Args:
        config: which network.
        out_channels: channels of the image it makes.
        dtype: as for `ReferenceGenerator`.
        axis_name: likewise.
    """
    if config.network == "reference":
        return ReferenceGenerator(out_channels, dtype, axis_name)
    network = {"unet": UNet, "resnet": ResNet, "efficientnet": EfficientNetUNet}[config.network]
    return network(config, out_channels, dtype, axis_name)


def make_discriminator(
    config: DiscriminatorConfig, dtype: Any = jnp.float32, axis_name: str | None = None
) -> Discriminator:
    """Makes the discriminator module that a config describes; the arguments as for `make_generator`."""
    if config.network == "reference":
        return ReferenceDiscriminator(dtype, axis_name)
    networks = {"patchgan": PatchGAN, "pixel": PixelGAN, "projected": ProjectedDiscriminator}
    return networks[config.network](config, dtype, axis_name)
