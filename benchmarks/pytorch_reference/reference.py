"""The networks of the reference: a small U-Net, and a PatchGAN with one logit for each 32×32 pixels."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by


class ConvBlock(nn.Module):
    """[resize] -> conv (same padding, bias) -> [batch norm].

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the square kernel.
        pool: side of the average pooling in front of the conv; 1 for none.
        upsample: factor of the nearest-neighbour enlargement in front of the conv; 1 for none.
        normalize: whether a batch norm follows the conv.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        pool: int = 1,
        upsample: int = 1,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        self.pool = pool
        self.upsample = upsample
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding="same")
        self.norm = nn.BatchNorm2d(out_channels) if normalize else None

    def forward(self, x: Tensor) -> Tensor:
        """Maps `[B, in_channels, H, W]` to `[B, out_channels, H * upsample / pool, W * ...]`."""
        if self.pool > 1:
            x = F.avg_pool2d(x, self.pool)
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        x = self.conv(x)
        return x if self.norm is None else self.norm(x)


class Generator(nn.Module):
    """The U-Net: a condition `[B, in_channels, H, W]` to an image `[B, out_channels, H, W]`.

    The image lies in (-1, 1). H and W are multiples of 16.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.enc1 = ConvBlock(in_channels, 32, 5)
        self.enc2 = ConvBlock(32, 64, pool=4)
        self.enc3 = ConvBlock(64, 128, pool=2)
        self.enc4 = ConvBlock(128, 256, pool=2)
        self.dec1 = ConvBlock(256, 128, upsample=2)
        self.dec2 = ConvBlock(128 + 128, 64, upsample=2)
        self.dec3 = ConvBlock(64 + 64, 32, upsample=4)
        self.dec4 = ConvBlock(32 + 32, out_channels, 5, normalize=False)

    def forward(self, condition: Tensor) -> Tensor:
        """Colours the condition; each decoder block sees the one before it, then the skip."""
        enc1 = F.relu(self.enc1(condition))
        enc2 = F.relu(self.enc2(enc1))
        enc3 = F.relu(self.enc3(enc2))
        enc4 = F.relu(self.enc4(enc3))
        dec1 = F.relu(self.dec1(enc4))
        dec2 = F.relu(self.dec2(torch.cat([dec1, enc3], dim=1)))
        dec3 = F.relu(self.dec3(torch.cat([dec2, enc2], dim=1)))
        return torch.tanh(self.dec4(torch.cat([dec3, enc1], dim=1)))


class Discriminator(nn.Module):
    """The PatchGAN: an image `[B, in_channels, H, W]` to patch logits `[B, 1, H/32, W/32]`.

    H and W are multiples of 32. It is only ever run in training mode, on batch statistics.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(in_channels, 16, 5)
        self.conv2_1 = ConvBlock(16, 32, pool=4)
        self.conv2_2 = ConvBlock(32, 32)
        self.conv3_1 = ConvBlock(32, 64, pool=2)
        self.conv3_2 = ConvBlock(64, 64)
        self.conv4_1 = ConvBlock(64, 128, pool=2)
        self.conv4_2 = ConvBlock(128, 128)
        self.conv5_1 = ConvBlock(128, 256, pool=2)
        self.conv5_2 = ConvBlock(256, 256)
        self.head = ConvBlock(256, 1, 1, normalize=False)

    def forward(self, image: Tensor) -> Tensor:
        """Classifies each patch of the image."""
        x = image
        for name, block in self.named_children():
            x = block(x) if name == "head" else F.leaky_relu(block(x), 0.2)
        return x
