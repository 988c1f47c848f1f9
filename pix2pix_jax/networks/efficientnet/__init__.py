"""A generator with an EfficientNet-Lite encoder, and the encoder's ImageNet weights."""

from pix2pix_jax.networks.efficientnet.encoder import Encoder
from pix2pix_jax.networks.efficientnet.generator import SMALLEST_SEEN, EfficientNetUNet, Guide

__all__ = ["SMALLEST_SEEN", "EfficientNetUNet", "Encoder", "Guide"]
