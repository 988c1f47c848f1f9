"""The networks' keys in a config, and which network reads which."""

from dataclasses import dataclass
from typing import Literal

Norm = Literal["batch", "instance", "none"]
Init = Literal["normal", "xavier", "kaiming", "orthogonal"]
Variant = Literal["lite0", "lite1", "lite2"]


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
    keep_averages: bool = False  # efficientnet: normalises by a trained generator's averages in training too
    norm: Norm = "batch"
    dropout: float = 0.5  # share of the values that become 0; 0 for no dropout
    dropout_at: Literal["innermost", "above_innermost"] = "innermost"  # unet: the paper's place, the PyTorch code's
    upsampling: Literal["transposed", "resize"] = "transposed"  # resize: no checkerboard
    init: Init = "normal"
    init_gain: float = 0.02


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminator. `NETWORK_KEYS` says which network reads which key."""

    network: Literal["reference", "patchgan", "pixel", "projected"] = "reference"
    layers: int = 3  # patchgan: layers of stride 2; 1 to 6 for patches of 16, 34, 70, 142, 286, 574 pixels
    width: int = 64  # channels of the first layer; projected: of the heads
    norm: Norm = "batch"
    init: Init = "normal"
    init_gain: float = 0.02
    variant: Variant = "lite1"  # projected: of the encoder; best not the generator's, which would know as little
    encoder_weights: str = "imagenet"  # projected: as the generator's


_COMMON = {"width", "norm", "init", "init_gain"}

NETWORK_KEYS: dict[str, dict[str, set[str]]] = {
    "generator": {
        "reference": set(),
        "unet": _COMMON | {"depth", "dropout", "dropout_at", "upsampling"},
        "resnet": _COMMON | {"blocks", "dropout", "upsampling"},
        "efficientnet": {"width", "variant", "encoder_weights", "encoder_rate", "keep_averages"},
    },
    "discriminator": {
        "reference": set(),
        "patchgan": _COMMON | {"layers"},
        "pixel": _COMMON,
        "projected": {"width", "variant", "encoder_weights"},
    },
}
"""The keys that each network reads, beside `network`; the reference's networks are of one form."""
