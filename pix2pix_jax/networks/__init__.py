"""The networks: the reference's and the paper's generators and discriminators, and weights from and to PyTorch."""

from pix2pix_jax.networks.blocks import Params
from pix2pix_jax.networks.choice import (
    NETWORK_KEYS,
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    make_discriminator,
    make_generator,
)
from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator

__all__ = [
    "NETWORK_KEYS",
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "Params",
    "ReferenceDiscriminator",
    "ReferenceGenerator",
    "make_discriminator",
    "make_generator",
]
