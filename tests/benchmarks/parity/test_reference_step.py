"""The PyTorch references' losses; their orders and optimizers are held against JAX in test_trainings."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from benchmarks.parity import recipe
from benchmarks.parity.pytorch_side import make_step
from benchmarks.pytorch_reference.paper import PatchGAN, UNet
from benchmarks.pytorch_reference.step import Settings, TrainStep, make_adam
from benchmarks.pytorch_reference.tasks import Pairs


def small_step():
    torch.manual_seed(0)
    generator, judge = UNet(3, 3, halvings=2, width=4), PatchGAN(6, layers=1, width=4)
    return TrainStep(Pairs(), generator, judge, make_adam(generator), make_adam(judge), Settings())


def batch():
    torch.manual_seed(1)
    return 2.0 * torch.rand(2, 6, 16, 16) - 1.0


@pytest.mark.parametrize(
    ("objective", "real", "fake", "fooled"),
    [
        ("vanilla", 0.126928, 0.313262 + 1.0, 0.313262),
        ("lsgan", 1.0, 1.0, 0.0),
        ("hinge", 0.0, 2.0, -1.0),
        ("wgan-gp", -2.0, 1.0, -1.0),
    ],
)
def test_objectives_of_constant_logits(objective, real, fake, fooled):
    """A discriminator that says 2 of the real image and 1 of the fake."""

    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.offset = nn.Parameter(torch.zeros(()))

        def forward(self, seen):
            return self.offset + torch.where(seen.mean((1, 2, 3), keepdim=True) > 0.8, 2.0, 1.0) + 1e-3 * seen.sum()

    generator, judge = nn.Conv2d(3, 3, 1), Judge()
    for parameter in generator.parameters():
        nn.init.zeros_(parameter)
    settings = Settings(objective, "together", discriminator_factor=1.0)
    step = TrainStep(Pairs(conditional=False), generator, judge, make_adam(generator), make_adam(judge), settings)
    losses = step(torch.cat([torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)], dim=1), torch.tensor([0.25]))
    offset = 1e-3 * 48  # of the real image's logit
    slope = {"vanilla": -0.119203, "lsgan": 2.0, "hinge": 0.0, "wgan-gp": -1.0}[objective]
    assert losses["d_real"].item() == pytest.approx(real + offset * slope, abs=3e-3)
    assert losses["d_fake"].item() == pytest.approx(fake, abs=1e-5)
    assert losses["g_bce" if objective == "vanilla" else "g_gan"].item() == pytest.approx(fooled, abs=1e-5)
    assert losses["g_loss"].item() == pytest.approx(fooled + 100.0, abs=1e-4)
    assert losses["g_l1"].item() == 1.0
    d_loss = losses["d_real"] + losses["d_fake"]
    if objective == "wgan-gp":
        assert losses["d_penalty"].item() == pytest.approx((1e-3 * 48**0.5 - 1.0) ** 2, abs=1e-5)
        d_loss += 10.0 * losses["d_penalty"]
    assert losses["d_loss"].item() == pytest.approx(d_loss.item())


def test_images_come_as_bytes_or_as_scaled_floats():
    pairs = torch.randint(0, 256, (2, 16, 16, 6), dtype=torch.uint8)
    photographs = torch.from_numpy(recipe.photographs(0, seed=0))
    for make, batch in ((small_step, pairs), (lambda: make_step("ycrcb_rgb"), photographs)):
        scaled = batch.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        assert make()(batch) == make()(scaled)


def test_autocast_keeps_the_losses_in_float32():
    plain = small_step()(batch())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = small_step()(batch())
    for name, loss in cast.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, plain[name], rtol=0.05, atol=0.01)
