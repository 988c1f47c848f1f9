"""The networks: the reference's and the paper's generators and discriminators, and weights from and to PyTorch."""

from pix2pix_jax.networks.choice import Discriminator, Generator, make_discriminator, make_generator
from pix2pix_jax.networks.config import NETWORK_KEYS, DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.networks.layers import Params
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
