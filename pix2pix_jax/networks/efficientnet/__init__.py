"""A generator and a discriminator with an EfficientNet-Lite encoder, and the encoder's ImageNet weights."""

from pix2pix_jax.networks.efficientnet.discriminator import ProjectedDiscriminator
from pix2pix_jax.networks.efficientnet.encoder import SMALLEST_SEEN, Encoder
from pix2pix_jax.networks.efficientnet.generator import EfficientNetUNet, Guide

__all__ = ["SMALLEST_SEEN", "EfficientNetUNet", "Encoder", "Guide", "ProjectedDiscriminator"]
