"""What the networks look at and make: colours of photographs, and images of other images.

A task takes a batch apart (`example`), makes an image of G's output (`image`), says what D sees of it (`seen`), and has
the terms of G's loss that need the truth (`terms`), each with its weight. An image is whatever its task makes of it.
"""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by

LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # BT.601

Terms = dict[str, tuple[float, Tensor]]


class Pairs(NamedTuple):
    """An RGB image made of another; `conditional`: whether D sees what was given, in front of the image."""

    conditional: bool = True

    def example(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Condition and truth of `[B, 6, H, W]`."""
        return pairs[:, :3], pairs[:, 3:]

    def image(self, condition: Tensor, made: Tensor) -> Tensor:
        """What G made, as it is."""
        return made

    def seen(self, image: Tensor, condition: Tensor) -> Tensor:
        """What D sees of an image."""
        return torch.cat([condition, image], dim=1) if self.conditional else image

    def terms(self, made: Tensor, truth: Tensor) -> Terms:
        """The L1 term."""
        return {"g_l1": (100.0, F.l1_loss(made, truth))}


class Colors(NamedTuple):
    """Photographs coloured; an image here is its RGB, and its Y, Cr and Cb.

    Attributes:
        makes: "chroma" if G makes the chroma that is joined with the luma, "rgb" if it makes the whole image.
        discriminator_sees: what D sees; None if there is no D.
    """

    makes: Literal["chroma", "rgb"]
    discriminator_sees: Literal["rgb", "ycrcb", "rgb_gray"] | None

    @property
    def generator_channels(self) -> int:
        """Channels that G makes."""
        return 2 if self.makes == "chroma" else 3

    def example(self, rgb: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Luma and the whole photograph of `[B, 3, H, W]`."""
        ycrcb = _transformed(rgb)
        return ycrcb[:, :1], (rgb, ycrcb)

    def image(self, luma: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The photograph of its luma and of what G made of it."""
        if self.makes == "rgb":
            return made, luma  # nothing looks at its chroma
        ycrcb = torch.cat([luma, made], dim=1)
        return _transformed(ycrcb, inverse=True), ycrcb

    def seen(self, image: tuple[Tensor, Tensor], luma: Tensor) -> Tensor:
        """What D sees of a photograph."""
        rgb, ycrcb = image
        if self.discriminator_sees == "rgb_gray":
            return torch.cat([rgb, luma], dim=1)
        return ycrcb if self.discriminator_sees == "ycrcb" else rgb

    def terms(self, made: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> Terms:
        """The L1 terms, of chroma too where G makes that."""
        l1_rgb = F.l1_loss(made[0], truth[0])
        if self.makes == "rgb":
            return {"g_l1_rgb": (100.0, l1_rgb)}
        return {"g_l1_chroma": (75.0, F.l1_loss(made[1][:, 1:], truth[1][:, 1:])), "g_l1_rgb": (25.0, l1_rgb)}


EXPERIMENTS = {
    "ycrcb_rgb": Colors("chroma", "rgb"),
    "ycrcb_ycrcb": Colors("chroma", "ycrcb"),
    "rgb_rgb_gray": Colors("rgb", "rgb_gray"),
    "rgb_rgb": Colors("rgb", "rgb"),
    "ycrcb_l1": Colors("chroma", None),
}


def ycrcb_from_rgb_matrix() -> np.ndarray:
    """The 3×3 matrix M with `ycrcb = M @ rgb`, both scaled to [-1, 1].

    Scaled like that the transform has no offset: the luma weights sum to 1, and a chroma of 0 stays at 0.
    """
    luma = np.array(LUMA_WEIGHTS)
    red, _, blue = np.eye(3)
    return np.stack([luma, (red - luma) / 1.402, (blue - luma) / 1.772])


@cache
def _matrix(inverse: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    matrix = ycrcb_from_rgb_matrix()
    return torch.from_numpy(np.linalg.inv(matrix) if inverse else matrix).to(device, dtype)


def _transformed(image: Tensor, *, inverse: bool = False) -> Tensor:
    """RGB as Y, Cr and Cb, or back."""
    return torch.einsum("oc,bchw->bohw", _matrix(inverse, image.dtype, image.device), image)
