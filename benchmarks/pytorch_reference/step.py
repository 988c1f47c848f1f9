"""One update of both networks: the objectives, the two orders, the optimizers."""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by

from benchmarks.pytorch_reference.tasks import Colors, Pairs


class Settings(NamedTuple):
    """How the networks are trained. The defaults are those of the authors' PyTorch code.

    Attributes:
        objective: "vanilla" (cross-entropy with logits), "lsgan" (squared error), "hinge", or "wgan-gp".
        order: "together": both gradients at the weights from the start of the step; "discriminator_first": D moves
            first, and G's loss uses the updated D.
        discriminator_factor: D's loss is multiplied by it.
        real_label: what D is asked to say of real images (vanilla and lsgan): below 1 for one-sided label smoothing.
        penalty_weight: weight of the gradient penalty in D's loss (wgan-gp).
    """

    objective: Literal["vanilla", "lsgan", "hinge", "wgan-gp"] = "vanilla"
    order: Literal["together", "discriminator_first"] = "discriminator_first"
    discriminator_factor: float = 0.5
    real_label: float = 1.0
    penalty_weight: float = 10.0


REFERENCE = Settings(order="together", discriminator_factor=1.0)
"""How the reference trains."""


class TrainStep:
    """One update of both networks on a batch.

    With the order "together" both networks run once on the fake, and both networks' gradients are taken from that
    one graph before either optimizer moves; `backward(inputs=...)` keeps D's loss out of G and G's loss out of D. This
    is exact: it gives what a second pass of D over the detached fake would give.

    Networks may be compiled (but not with wgan-gp, which differentiates twice), in `channels_last`, or compute in
    bfloat16 as long as they give float32; optimizers may be fused. Compiled networks need
    `torch._functorch.config.donated_buffer = False`: D's pass over the fake may be walked back twice.

    Args:
        task: what the networks look at and make.
        generator: G, in training mode.
        discriminator: D, in training mode; None for a task without one.
        g_adam: the optimizer of G's parameters.
        d_adam: the optimizer of D's parameters; None for a task without D.
        settings: how they are trained.
        memory_format: the layout that the batch is given.
    """

    def __init__(
        self,
        task: Colors | Pairs,
        generator: nn.Module,
        discriminator: nn.Module | None,
        g_adam: torch.optim.Optimizer,
        d_adam: torch.optim.Optimizer | None,
        settings: Settings = REFERENCE,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.task: Any = task
        self.generator = generator
        self.discriminator = discriminator
        self.g_adam = g_adam
        self.d_adam = d_adam
        self.settings = settings
        self.memory_format = memory_format
        self.g_params = list(generator.parameters())

    def __call__(self, batch: Tensor, alpha: Tensor | None = None) -> dict[str, Tensor]:
        """Updates both networks in place, and leaves in `.grad` the gradients that moved them.

        Args:
            batch: photographs, or pairs with the condition in front, uint8 `[B, H, W, channels]`.
            alpha: for wgan-gp, the share of the real image in each interpolate, `[B]` in [0, 1]; None draws it.

        Returns:
            Scalars: `g_loss` and its unweighted terms, those of the task, and where there is a D `g_bce` (of other
            objectives than "vanilla" `g_gan`); `d_loss`, after its factor, and its terms without it: `d_real`,
            `d_fake`, and, for wgan-gp, the unweighted `d_penalty`.
        """
        condition, truth = self.task.example(self.scaled(batch))
        self.g_adam.zero_grad(set_to_none=True)
        made = self.task.image(condition, self.generator(condition))
        terms = self.task.terms(made, truth)
        losses = {name: term for name, (_, term) in terms.items()}
        g_loss = torch.stack([weight * term for weight, term in terms.values()]).sum()
        if self.discriminator is not None and self.d_adam is not None:
            real, fake = (self.task.seen(image, condition) for image in (truth, made))
            fake_logits = self._update_discriminator(losses, real, fake, alpha)
            name = "g_bce" if self.settings.objective == "vanilla" else "g_gan"
            losses[name] = self._fooling(fake_logits)
            g_loss = losses[name] + g_loss
        losses["g_loss"] = g_loss
        g_loss.backward(inputs=self.g_params)
        self.g_adam.step()
        if self.d_adam is not None and self.settings.order == "together":
            self.d_adam.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def scaled(self, batch: Tensor) -> Tensor:
        """A batch as `[B, channels, H, W]` in [-1, 1]."""
        batch = batch.permute(0, 3, 1, 2).to(self.g_params[0].dtype) / 127.5 - 1.0
        return batch.contiguous(memory_format=self.memory_format)

    def _update_discriminator(
        self, losses: dict[str, Tensor], real: Tensor, fake: Tensor, alpha: Tensor | None
    ) -> Tensor:
        """Finds D's losses and gradients, moves D where it goes first, and gives what it then says of the fake."""
        assert self.discriminator is not None
        assert self.d_adam is not None
        settings, first = self.settings, self.settings.order == "discriminator_first"
        self.d_adam.zero_grad(set_to_none=True)
        fake_logits = self._judge(fake.detach() if first else fake)
        losses["d_real"] = _d_error(settings.objective, self._judge(real), settings.real_label, sign=1.0)
        losses["d_fake"] = _d_error(settings.objective, fake_logits, 0.0, sign=-1.0)
        d_loss = losses["d_real"] + losses["d_fake"]
        if settings.objective == "wgan-gp":
            losses["d_penalty"] = self._penalty(real, fake.detach(), alpha)
            d_loss = d_loss + settings.penalty_weight * losses["d_penalty"]
        losses["d_loss"] = settings.discriminator_factor * d_loss
        losses["d_loss"].backward(inputs=list(self.discriminator.parameters()), retain_graph=not first)
        if not first:
            return fake_logits
        self.d_adam.step()
        return self._judge(fake)

    def _fooling(self, fake_logits: Tensor) -> Tensor:
        """G's error: it wants its fakes called entirely real, however D's labels are smoothed."""
        if self.settings.objective in ("hinge", "wgan-gp"):
            return -fake_logits.mean()
        return _d_error(self.settings.objective, fake_logits, 1.0, sign=1.0)

    def _penalty(self, real: Tensor, fake: Tensor, alpha: Tensor | None) -> Tensor:
        """Mean square of how far the norms of D's gradients are from 1, on images between the real and the fake.

        A gradient is taken over every channel that D sees, the condition's included (Gulrajani et al., 2017).
        """
        share = torch.rand(len(real)).to(real) if alpha is None else alpha.to(real)
        share = share.reshape(-1, 1, 1, 1)
        seen = (share * real + (1.0 - share) * fake).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._judge(seen).sum(), seen, create_graph=True)
        norms = (gradient.flatten(1) + 1e-16).norm(2, dim=1)
        return ((norms - 1.0) ** 2).mean()

    def _judge(self, seen: Tensor) -> Tensor:
        assert self.discriminator is not None
        return self.discriminator(seen)


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


def make_adam(network: nn.Module, *, learning_rate: float = 2e-4, fused: bool = False) -> torch.optim.Adam:
    """Adam as the training uses it: b1 0.5, b2 0.999, eps 1e-8."""
    return torch.optim.Adam(network.parameters(), lr=learning_rate, betas=(0.5, 0.999), eps=1e-8, fused=fused)
