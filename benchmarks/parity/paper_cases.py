"""What is compared of the paper's networks and steps: two small tables."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NetworkCase:
    """A network in small: few channels, but as deep as its name says.

    Attributes:
        kind: which network.
        size: the U-Net's halvings, the ResNet's blocks, the PatchGAN's layers of stride 2; nothing for "pixel".
        norm: its norm.
        side: height and width of the images it is given.
        width: channels of its first layer.
    """

    kind: Literal["unet", "resnet", "patchgan", "pixel"]
    size: int
    norm: Literal["batch", "instance", "none"] = "batch"
    side: int = 32
    width: int = 4

    @property
    def generates(self) -> bool:
        """Whether it makes images, rather than to judge them."""
        return self.kind in ("unet", "resnet")


@dataclass(frozen=True)
class StepCase:
    """A training, of which the first steps are compared.

    Attributes:
        generator: the network that makes images.
        discriminator: the network that judges them.
        objective: the adversarial objective.
        discriminator_first: whether G is judged by the D that the step has moved.
        discriminator_factor: of D's loss.
        real_label: what D is asked to say of real images.
        conditional: whether D sees the condition.
        discriminator_learning_rate: D's own; 0 for the same as G's.
    """

    generator: NetworkCase
    discriminator: NetworkCase
    objective: Literal["vanilla", "lsgan", "hinge", "wgan-gp"] = "vanilla"
    discriminator_first: bool = False
    discriminator_factor: float = 0.5
    real_label: float = 1.0
    conditional: bool = True
    discriminator_learning_rate: float = 0.0


NETWORKS = {
    "unet_256": NetworkCase("unet", 8, side=256),
    "unet_256_instance": NetworkCase("unet", 8, "instance", side=256),
    "unet_128": NetworkCase("unet", 7, side=128),
    "unet_128_instance": NetworkCase("unet", 7, "instance", side=128),
    "unet_16_none": NetworkCase("unet", 4, "none"),
    "resnet_9": NetworkCase("resnet", 9),
    "resnet_6_instance": NetworkCase("resnet", 6, "instance"),
    "patchgan_16": NetworkCase("patchgan", 1),
    "patchgan_70": NetworkCase("patchgan", 3, side=64),
    "patchgan_70_instance": NetworkCase("patchgan", 3, "instance", side=64),
    "patchgan_70_none": NetworkCase("patchgan", 3, "none", side=64),
    "patchgan_286": NetworkCase("patchgan", 5, side=128),
    "pixel": NetworkCase("pixel", 0),
    "pixel_instance": NetworkCase("pixel", 0, "instance"),
}
"""Networks whose outputs are compared."""

_UNET = NetworkCase("unet", 3)
_DEEP_UNET = NetworkCase("unet", 5)
_PATCHGAN = NetworkCase("patchgan", 3)
_PIXEL = NetworkCase("pixel", 0)

STEPS = {
    "paper": StepCase(_DEEP_UNET, _PATCHGAN),
    "authors": StepCase(_DEEP_UNET, _PATCHGAN, discriminator_first=True),
    "smooth": StepCase(
        NetworkCase("unet", 3, "instance"),
        NetworkCase("patchgan", 2, "instance"),
        real_label=0.9,
        conditional=False,
        discriminator_learning_rate=1e-4,
    ),
    "lsgan": StepCase(_UNET, NetworkCase("patchgan", 1), "lsgan", discriminator_factor=1.0),
    "lsgan_first": StepCase(NetworkCase("resnet", 1), _PIXEL, "lsgan", True, real_label=0.9),
    "hinge": StepCase(_UNET, _PIXEL, "hinge", discriminator_factor=1.0),
    "hinge_first": StepCase(
        NetworkCase("resnet", 1, "instance"), NetworkCase("patchgan", 1, "instance"), "hinge", True, conditional=False
    ),
    "wgan": StepCase(_UNET, NetworkCase("patchgan", 2, "instance"), "wgan-gp", discriminator_factor=1.0),
    "wgan_first": StepCase(_UNET, NetworkCase("patchgan", 1, "none"), "wgan-gp", True),
}
"""Trainings whose losses, gradients and steps are compared."""
