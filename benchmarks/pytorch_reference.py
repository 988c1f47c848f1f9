"""The same training in PyTorch: what the JAX networks and their gradients are held against.

It is written twice on purpose, once here and once in `pix2pix_jax`, from the same description and
sharing no code, so that a slip in one shows up as a difference. It is also the opponent of the
throughput benchmark. Its optimizers are those of `paper_reference`. Tensors are NCHW and images lie
in [-1, 1] unless a docstring says otherwise.

Example:
    generator, judge = Generator(1, 2), Discriminator(3)
    step = TrainStep("ycrcb_rgb", generator, judge, make_adam(generator), make_adam(judge))
    losses = step(torch.randint(0, 256, (16, 96, 96, 3), dtype=torch.uint8))
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by

LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # BT.601


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
        """Judges each patch of the image."""
        x = image
        for name, block in self.named_children():
            x = block(x) if name == "head" else F.leaky_relu(block(x), 0.2)
        return x


class Experiment(NamedTuple):
    """What the networks look at and make.

    Attributes:
        makes: `"chroma"` if G makes the chroma that is joined with the luma, `"rgb"` if it makes the
            whole image.
        judged: what D sees; None if there is no D.
    """

    makes: Literal["chroma", "rgb"]
    judged: Literal["rgb", "ycrcb", "rgb_gray"] | None

    @property
    def generator_channels(self) -> int:
        """Channels that G makes."""
        return 2 if self.makes == "chroma" else 3

    @property
    def discriminator_channels(self) -> int:
        """Channels that D sees; 0 if there is no D."""
        return {"rgb": 3, "ycrcb": 3, "rgb_gray": 4, None: 0}[self.judged]


EXPERIMENTS = {
    "ycrcb_rgb": Experiment("chroma", "rgb"),
    "ycrcb_ycrcb": Experiment("chroma", "ycrcb"),
    "rgb_rgb_gray": Experiment("rgb", "rgb_gray"),
    "rgb_rgb": Experiment("rgb", "rgb"),
    "ycrcb_l1": Experiment("chroma", None),
}


def ycrcb_from_rgb_matrix() -> np.ndarray:
    """The 3x3 matrix M with `ycrcb = M @ rgb`, both scaled to [-1, 1].

    Scaled like that the transform has no offset: the luma weights sum to 1, and a chroma of 0 stays
    at 0.
    """
    luma = np.array(LUMA_WEIGHTS)
    red, _, blue = np.eye(3)
    return np.stack([luma, (red - luma) / 1.402, (blue - luma) / 1.772])


class TrainStep:
    """One update of both networks.

    The fake is made once and judged once. Both networks' gradients are taken from that one graph
    before either optimizer moves, hence at the weights from the start of the step;
    `backward(inputs=...)` keeps D's loss out of G and G's loss out of D. This is exact: it gives what
    a second pass of D over the detached fake would give.

    Networks may be compiled or in `channels_last`, optimizers fused, and the call made under
    `torch.autocast`; the colour transforms and the losses stay in float32. Compiled networks need
    `torch._functorch.config.donated_buffer = False`: D's pass over the fake is walked back twice.

    Args:
        experiment: a name in `EXPERIMENTS`.
        generator: G, in training mode.
        discriminator: D, in training mode; None for an experiment without one.
        g_adam: the optimizer of G's parameters.
        d_adam: the optimizer of D's parameters; None for an experiment without D.
        memory_format: the layout that the batch is given.
    """

    def __init__(
        self,
        experiment: str,
        generator: nn.Module,
        discriminator: nn.Module | None,
        g_adam: torch.optim.Optimizer,
        d_adam: torch.optim.Optimizer | None,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.experiment = EXPERIMENTS[experiment]
        self.generator = generator
        self.discriminator = discriminator
        self.g_adam = g_adam
        self.d_adam = d_adam
        self.memory_format = memory_format
        self.g_params = list(generator.parameters())
        self.d_params = [] if discriminator is None else list(discriminator.parameters())
        matrix = ycrcb_from_rgb_matrix()
        self._to_ycrcb = torch.from_numpy(matrix).to(self.g_params[0])
        self._to_rgb = torch.from_numpy(np.linalg.inv(matrix)).to(self.g_params[0])

    def __call__(self, rgb: Tensor) -> dict[str, Tensor]:
        """Updates both networks in place, and leaves in `.grad` the gradients that moved them.

        Args:
            rgb: the real photographs, uint8 `[B, H, W, 3]`, or floating `[B, 3, H, W]` in [-1, 1].

        Returns:
            Scalars: `g_loss` and its unweighted terms `g_l1_rgb`, `g_l1_chroma` (if G makes chroma) and
            `g_bce` (if there is a D); `d_loss` and its terms `d_real`, `d_fake` (if there is a D).
        """
        self.g_adam.zero_grad(set_to_none=True)
        if self.d_adam is not None:
            self.d_adam.zero_grad(set_to_none=True)
        losses = self.losses(rgb)
        if "d_loss" in losses:
            losses["d_loss"].backward(inputs=self.d_params, retain_graph=True)
        losses["g_loss"].backward(inputs=self.g_params)
        self.g_adam.step()
        if self.d_adam is not None:
            self.d_adam.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, rgb: Tensor) -> dict[str, Tensor]:
        """The losses, still attached to the graph."""
        real_rgb = self._scaled(rgb)
        real_ycrcb = self._transform(self._to_ycrcb, real_rgb)
        luma = real_ycrcb[:, :1]
        made = self.generator(luma)
        if self.experiment.makes == "chroma":
            fake_ycrcb = torch.cat([luma, made], dim=1)
            fake_rgb = self._transform(self._to_rgb, fake_ycrcb)
            losses = {
                "g_l1_chroma": F.l1_loss(made, real_ycrcb[:, 1:]),
                "g_l1_rgb": F.l1_loss(fake_rgb, real_rgb),
            }
            g_loss = 75.0 * losses["g_l1_chroma"] + 25.0 * losses["g_l1_rgb"]
        else:
            fake_ycrcb, fake_rgb = real_ycrcb, made  # D only ever looks at the luma, G's condition
            losses = {"g_l1_rgb": F.l1_loss(fake_rgb, real_rgb)}
            g_loss = 100.0 * losses["g_l1_rgb"]
        if self.discriminator is not None:
            real_logits = self.discriminator(self._judged(real_rgb, real_ycrcb))
            fake_logits = self.discriminator(self._judged(fake_rgb, fake_ycrcb))
            losses["g_bce"] = _cross_entropy(fake_logits, 1.0)
            losses["d_real"] = _cross_entropy(real_logits, 1.0)
            losses["d_fake"] = _cross_entropy(fake_logits, 0.0)
            losses["d_loss"] = losses["d_real"] + losses["d_fake"]
            g_loss = losses["g_bce"] + g_loss
        return losses | {"g_loss": g_loss}

    def _scaled(self, rgb: Tensor) -> Tensor:
        """Brings either form of a batch to `[B, 3, H, W]` in [-1, 1]."""
        if rgb.dtype == torch.uint8:
            rgb = rgb.permute(0, 3, 1, 2).to(self._to_rgb.dtype) / 127.5 - 1.0
        return rgb.contiguous(memory_format=self.memory_format)

    def _judged(self, rgb: Tensor, ycrcb: Tensor) -> Tensor:
        """What D sees of an image."""
        if self.experiment.judged == "rgb_gray":
            return torch.cat([rgb, ycrcb[:, :1]], dim=1)
        return ycrcb if self.experiment.judged == "ycrcb" else rgb

    @staticmethod
    def _transform(matrix: Tensor, image: Tensor) -> Tensor:
        """Applies a 3x3 matrix to the channels, in float32 or better even under autocast."""
        with torch.autocast(image.device.type, enabled=False):
            return torch.einsum("oc,bchw->bohw", matrix, image.to(matrix.dtype))


def _cross_entropy(patch_logits: Tensor, label: float) -> Tensor:
    """Mean over the patches of the binary cross-entropy against one label."""
    return F.binary_cross_entropy_with_logits(patch_logits, torch.full_like(patch_logits, label))
