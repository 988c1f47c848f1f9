"""The networks of the pix2pix paper: U-Net, ResNet, PatchGAN, PixelGAN."""

from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["batch", "instance", "none"]
DropoutPlace = Literal["above_innermost", "innermost"]

_WIDEST = 8  # times the width of the first layer


def _norm(kind: Norm, channels: int) -> nn.Module:
    """The norm behind a convolution; for "none" a layer that does nothing, so that the others keep their numbers."""
    if kind == "none":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class UNet(nn.Module):
    """The paper's generator: a condition `[B, in_channels, H, W]` to an image `[B, out_channels, H, W]`.

    Args:
        in_channels: channels of the condition.
        out_channels: channels of the image.
        halvings: 8 for the authors' `unet_256`, 7 for `unet_128`; H and W are multiples of 2^halvings.
        width: channels of the first level.
        norm: the norm; inner convolutions have a bias only where it is "instance".
        dropout: share of the values that are dropped; 0 for none.
        dropout_at: "above_innermost", as in the authors' PyTorch code: the levels up that make 8 · width channels,
            but for the innermost; or "innermost", as in the paper: the three innermost.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        halvings: int = 8,
        width: int = 64,
        norm: Norm = "batch",
        dropout: float = 0.0,
        dropout_at: DropoutPlace = "above_innermost",
    ) -> None:
        super().__init__()
        channels = [in_channels] + [width * min(2**level, _WIDEST) for level in range(halvings)]
        dropping = range(5, halvings) if dropout_at == "above_innermost" else range(halvings - 2, halvings + 1)
        block = None
        for level in range(halvings, 1, -1):
            rate = dropout if level in dropping else 0.0
            block = _Level(channels[level - 1], channels[level], block, norm, rate)
        assert block is not None, "a U-Net has at least two levels"
        outermost = nn.Sequential(
            nn.Conv2d(in_channels, width, 4, 2, 1, bias=norm == "instance"),
            block,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, out_channels, 4, 2, 1),
            nn.Tanh(),
        )
        self.model = nn.ModuleDict({"model": outermost})  # the authors' files say model.model

    def forward(self, condition: Tensor) -> Tensor:
        """Makes an image in [-1, 1]."""
        return self.model["model"](condition)


class _Level(nn.Module):
    """One halving, what lies below it, and the doubling, joined with the input: `[B, C, H, W]` to `[B, 2 C, H, W]`."""

    def __init__(self, outer: int, inner: int, below: nn.Module | None, norm: Norm, dropout: float) -> None:
        super().__init__()
        bias = norm == "instance"
        layers: list[nn.Module] = [nn.LeakyReLU(0.2), nn.Conv2d(outer, inner, 4, 2, 1, bias=bias)]
        if below is not None:
            layers += [_norm(norm, inner), below]
        from_below = inner if below is None else 2 * inner
        layers += [nn.ReLU(), nn.ConvTranspose2d(from_below, outer, 4, 2, 1, bias=bias), _norm(norm, outer)]
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], dim=1)


class ResNet(nn.Module):
    """The residual generator: as `UNet`, H and W are multiples of 4.

    Args:
        in_channels: channels of the condition.
        out_channels: channels of the image.
        blocks: residual blocks, 9 or 6 in the authors' code.
        width: channels of the first layer.
        norm: as for `UNet`.
        dropout: share of the values that are dropped in each block; 0 for none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        blocks: int = 9,
        width: int = 64,
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        bias = norm == "instance"
        layers: list[nn.Module] = [
            *(nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7, bias=bias), _norm(norm, width), nn.ReLU())
        ]
        for c in (width, 2 * width):
            layers += [nn.Conv2d(c, 2 * c, 3, 2, 1, bias=bias), _norm(norm, 2 * c), nn.ReLU()]
        layers += [_ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for c in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(c, c // 2, 3, 2, 1, output_padding=1, bias=bias)
            layers += [up, _norm(norm, c // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, condition: Tensor) -> Tensor:
        """Makes an image in [-1, 1]."""
        return self.model(condition)


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to the input, `[B, channels, H, W]`."""

    def __init__(self, channels: int, norm: Norm, dropout: float) -> None:
        super().__init__()

        def convolution() -> list[nn.Module]:
            conv = nn.Conv2d(channels, channels, 3, bias=norm == "instance")
            return [nn.ReflectionPad2d(1), conv, _norm(norm, channels)]

        drop = [nn.Dropout(dropout)] if dropout else []
        self.conv_block = nn.Sequential(*convolution(), nn.ReLU(), *drop, *convolution())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class PatchGAN(nn.Module):
    """The paper's discriminator: `[B, in_channels, H, W]` to logits `[B, 1, H // 2^n - 2, W // 2^n - 2]`.

    Args:
        in_channels: channels of what it sees, those of the condition included.
        layers: n, its layers of stride 2; 1 to 6 for patches of 16, 34, 70, 142, 286, 574 pixels.
        width: channels of the first layer.
        norm: as for `UNet`.
    """

    def __init__(self, in_channels: int, layers: int = 3, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        modules: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        before = width
        for number in range(1, layers + 1):
            channels = width * min(2**number, _WIDEST)
            stride = 1 if number == layers else 2
            conv = nn.Conv2d(before, channels, 4, stride, 1, bias=norm == "instance")
            modules += [conv, _norm(norm, channels), nn.LeakyReLU(0.2)]
            before = channels
        self.model = nn.Sequential(*modules, nn.Conv2d(before, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Classifies each patch."""
        return self.model(image)


class PixelGAN(nn.Module):
    """The discriminator of single pixels: `[B, in_channels, H, W]` to logits `[B, 1, H, W]`.

    Args:
        in_channels: as for `PatchGAN`.
        width: channels of the first layer.
        norm: as for `UNet`.
    """

    def __init__(self, in_channels: int, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        bias = norm == "instance"
        self.net = nn.Sequential(
            nn.Conv2d(in_channels, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1, bias=bias),
            _norm(norm, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 1, bias=bias),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Classifies each pixel."""
        return self.net(image)
