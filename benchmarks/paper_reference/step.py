"""One update of both networks: the objectives, the two orders, the optimizers."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by


class Settings(NamedTuple):
    """How the networks are trained. The defaults are those of the authors' PyTorch code.

    Attributes:
        objective: "vanilla" (cross-entropy with logits), "lsgan" (squared error), "hinge", or "wgan-gp".
        order: "together": both gradients at the weights from the start of the step; "discriminator_first": D moves
            first, and G is judged by the D that has moved.
        discriminator_factor: D's loss is multiplied by it.
        real_label: what D is asked to say of real images (vanilla and lsgan): below 1 for one-sided label smoothing.
        conditional: whether D sees the condition, in front of the image.
        l1_weight: weight of the mean absolute error in G's loss.
        penalty_weight: weight of the gradient penalty in D's loss (wgan-gp).
    """

    objective: Literal["vanilla", "lsgan", "hinge", "wgan-gp"] = "vanilla"
    order: Literal["together", "discriminator_first"] = "discriminator_first"
    discriminator_factor: float = 0.5
    real_label: float = 1.0
    conditional: bool = True
    l1_weight: float = 100.0
    penalty_weight: float = 10.0


class TrainStep:
    """One update of both networks on a batch of pairs.

    Networks may be compiled (but not with wgan-gp, which differentiates twice) or in `channels_last`, optimizers
    fused, and the call made under `torch.autocast`; the losses stay in float32. Compiled networks need
    `torch._functorch.config.donated_buffer = False`: with the order "together", D's pass over the fake is walked back
    twice.

    Args:
        generator: G, in training mode.
        discriminator: D, in training mode.
        g_adam: the optimizer of G's parameters.
        d_adam: the optimizer of D's parameters.
        settings: how they are trained.
        memory_format: the layout that the batch is given.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        g_adam: torch.optim.Optimizer,
        d_adam: torch.optim.Optimizer,
        settings: Settings,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.g_adam = g_adam
        self.d_adam = d_adam
        self.settings = settings
        self.memory_format = memory_format
        self.g_params = list(generator.parameters())
        self.d_params = list(discriminator.parameters())

    def __call__(self, condition: Tensor, image: Tensor, alpha: Tensor | None = None) -> dict[str, Tensor]:
        """Updates both networks in place, and leaves in `.grad` the gradients that moved them.

        Args:
            condition: what G is given, uint8 `[B, H, W, channels]`, or floating `[B, channels, H, W]` in [-1, 1].
            image: the real image, in either of these forms.
            alpha: for wgan-gp, the share of the real image in each interpolate, `[B]` in [0, 1]; None draws it.

        Returns:
            Scalars: `g_loss` and its unweighted terms `g_gan` and `g_l1`; `d_loss`, after its factor, and its terms
            without it: `d_real`, `d_fake`, and, for wgan-gp, the unweighted `d_penalty`.
        """
        condition, image = self._scaled(condition), self._scaled(image)
        self.g_adam.zero_grad(set_to_none=True)
        self.d_adam.zero_grad(set_to_none=True)
        fake = self.generator(condition)
        if self.settings.order == "together":
            fake_logits = self._judge(condition, fake)
            losses = self._d_losses(condition, image, fake, fake_logits, alpha)
            losses["d_loss"].backward(inputs=self.d_params, retain_graph=True)
            losses |= self._g_losses(image, fake, fake_logits)
            losses["g_loss"].backward(inputs=self.g_params)
            self.d_adam.step()
        else:
            fake_logits = self._judge(condition, fake.detach())
            losses = self._d_losses(condition, image, fake, fake_logits, alpha)
            losses["d_loss"].backward(inputs=self.d_params)
            self.d_adam.step()
            losses |= self._g_losses(image, fake, self._judge(condition, fake))
            losses["g_loss"].backward(inputs=self.g_params)
        self.g_adam.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _d_losses(
        self, condition: Tensor, image: Tensor, fake: Tensor, fake_logits: Tensor, alpha: Tensor | None
    ) -> dict[str, Tensor]:
        settings = self.settings
        real_logits = self._judge(condition, image)
        losses = {
            "d_real": _d_error(settings.objective, real_logits, settings.real_label, sign=1.0),
            "d_fake": _d_error(settings.objective, fake_logits, 0.0, sign=-1.0),
        }
        d_loss = losses["d_real"] + losses["d_fake"]
        if settings.objective == "wgan-gp":
            losses["d_penalty"] = self._penalty(condition, image, fake.detach(), alpha)
            d_loss = d_loss + settings.penalty_weight * losses["d_penalty"]
        return losses | {"d_loss": settings.discriminator_factor * d_loss}

    def _g_losses(self, image: Tensor, fake: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """As for D, but G wants its fakes called entirely real, however D's labels are smoothed."""
        if self.settings.objective in ("hinge", "wgan-gp"):
            g_gan = -fake_logits.mean()
        else:
            g_gan = _d_error(self.settings.objective, fake_logits, 1.0, sign=1.0)
        g_l1 = F.l1_loss(_float(fake), image)
        return {"g_gan": g_gan, "g_l1": g_l1, "g_loss": g_gan + self.settings.l1_weight * g_l1}

    def _penalty(self, condition: Tensor, image: Tensor, fake: Tensor, alpha: Tensor | None) -> Tensor:
        """Mean square of how far the norms of D's gradients are from 1, on images between the real and the fake.

        A gradient is taken over every channel that D sees, the condition's included (Gulrajani et al., 2017).
        """
        share = torch.rand(len(image)).to(image) if alpha is None else alpha.to(image)
        share = share.reshape(-1, 1, 1, 1)
        seen = self._seen(condition, share * image + (1.0 - share) * _float(fake)).detach().requires_grad_()
        logits = _float(self.discriminator(seen))
        (gradient,) = torch.autograd.grad(logits.sum(), seen, create_graph=True)
        norms = (gradient.flatten(1) + 1e-16).norm(2, dim=1)
        return ((norms - 1.0) ** 2).mean()

    def _judge(self, condition: Tensor, image: Tensor) -> Tensor:
        return _float(self.discriminator(self._seen(condition, image)))

    def _seen(self, condition: Tensor, image: Tensor) -> Tensor:
        return torch.cat([condition, image], dim=1) if self.settings.conditional else image

    def _scaled(self, images: Tensor) -> Tensor:
        if images.dtype == torch.uint8:
            images = images.permute(0, 3, 1, 2).to(self.g_params[0].dtype) / 127.5 - 1.0
        return images.contiguous(memory_format=self.memory_format)


def _d_error(objective: str, logits: Tensor, label: float, sign: float) -> Tensor:
    """D's error on images of one kind.

    Args:
        objective: as in `Settings`.
        logits: what D says of them.
        label: what it should say (vanilla and lsgan).
        sign: 1 for real images, -1 for fakes (hinge and wgan-gp).
    """
    if objective == "vanilla":
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
    if objective == "lsgan":
        return F.mse_loss(logits, torch.full_like(logits, label))
    if objective == "hinge":
        return F.relu(1.0 - sign * logits).mean()
    return -sign * logits.mean()


def _float(x: Tensor) -> Tensor:
    """In float32 or better: what a network has made under autocast may be bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def make_adam(network: nn.Module, *, learning_rate: float = 2e-4, fused: bool = False) -> torch.optim.Adam:
    """Adam as the training uses it: b1 0.5, b2 0.999, eps 1e-8."""
    return torch.optim.Adam(network.parameters(), lr=learning_rate, betas=(0.5, 0.999), eps=1e-8, fused=fused)
