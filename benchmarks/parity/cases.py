"""What is compared: two small tables."""

from typing import Any

from pix2pix_jax.config import AdamConfig, Config, experiment_config, updated
from pix2pix_jax.losses import ObjectiveConfig
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.tasks import TranslationTask

NetworkConfig = GeneratorConfig | DiscriminatorConfig


def unet(depth: int, norm: Any = "batch") -> GeneratorConfig:
    """A U-Net in small: few channels, but as deep as the name says, and without dropout; so are the others."""
    return GeneratorConfig("unet", depth=depth, norm=norm, width=4, dropout=0.0)


def resnet(blocks: int, norm: Any = "batch") -> GeneratorConfig:
    """As `unet`."""
    return GeneratorConfig("resnet", blocks=blocks, norm=norm, width=4, dropout=0.0)


def patchgan(layers: int, norm: Any = "batch") -> DiscriminatorConfig:
    """As `unet`."""
    return DiscriminatorConfig("patchgan", layers=layers, norm=norm, width=4)


def pixel(norm: Any = "batch") -> DiscriminatorConfig:
    """As `unet`."""
    return DiscriminatorConfig("pixel", norm=norm, width=4)


NETWORKS: dict[str, tuple[NetworkConfig, int]] = {
    "unet_256": (unet(8), 256),
    "unet_256_instance": (unet(8, "instance"), 256),
    "unet_128": (unet(7), 128),
    "unet_128_instance": (unet(7, "instance"), 128),
    "unet_16_none": (unet(4, "none"), 32),
    "resnet_9": (resnet(9), 32),
    "resnet_6_instance": (resnet(6, "instance"), 32),
    "patchgan_16": (patchgan(1), 32),
    "patchgan_70": (patchgan(3), 64),
    "patchgan_70_instance": (patchgan(3, "instance"), 64),
    "patchgan_70_none": (patchgan(3, "none"), 64),
    "patchgan_286": (patchgan(5), 128),
    "pixel": (pixel(), 32),
    "pixel_instance": (pixel("instance"), 32),
}
"""Networks of the paper whose outputs are compared, and the height and width of the images that they are given."""


def _pairs(
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig,
    gan: Any = "vanilla",
    *,
    sees_condition: bool = True,
    discriminator_learning_rate: float = 0.0,
    **objective: Any,
) -> Config:
    return Config(
        image_size=32,
        sync_batch_norm=False,
        task=TranslationTask(discriminator_sees_condition=sees_condition),
        generator=generator,
        discriminator=discriminator,
        objective=ObjectiveConfig(gan, **{"discriminator_factor": 0.5, **objective}),
        adam=AdamConfig(discriminator_learning_rate=discriminator_learning_rate),
    )


EXPERIMENTS = ("ycrcb_rgb", "ycrcb_ycrcb", "rgb_rgb_gray", "rgb_rgb", "ycrcb_l1")
"""The reference's trainings, which colour photographs."""

PAIRS = {
    "paper": _pairs(unet(5), patchgan(3)),
    "authors": _pairs(unet(5), patchgan(3), discriminator_first=True),
    "smooth": _pairs(
        unet(3, "instance"),
        patchgan(2, "instance"),
        real_label=0.9,
        sees_condition=False,
        discriminator_learning_rate=1e-4,
    ),
    "lsgan": _pairs(unet(3), patchgan(1), "lsgan", discriminator_factor=1.0),
    "lsgan_first": _pairs(resnet(1), pixel(), "lsgan", discriminator_first=True, real_label=0.9),
    "hinge": _pairs(unet(3), pixel(), "hinge", discriminator_factor=1.0),
    "hinge_first": _pairs(
        resnet(1, "instance"), patchgan(1, "instance"), "hinge", discriminator_first=True, sees_condition=False
    ),
    "wgan": _pairs(unet(3), patchgan(2, "instance"), "wgan-gp", discriminator_factor=1.0),
    "wgan_first": _pairs(unet(3), patchgan(1, "none"), "wgan-gp", discriminator_first=True),
}
"""Trainings of the paper's networks."""

TRAININGS = {name: updated(experiment_config(name), {"sync_batch_norm": False}) for name in EXPERIMENTS} | PAIRS
"""Trainings whose losses, gradients and steps are compared."""
