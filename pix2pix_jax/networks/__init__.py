"""The networks: the reference's U-Net generator and PatchGAN discriminator, and weights from and to PyTorch."""

from pix2pix_jax.networks.blocks import Params
from pix2pix_jax.networks.patchgan import Discriminator
from pix2pix_jax.networks.unet import Generator

__all__ = ["Discriminator", "Generator", "Params"]
