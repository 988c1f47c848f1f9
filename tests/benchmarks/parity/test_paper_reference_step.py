"""The PyTorch reference's losses, orders and optimizers."""

import copy

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from benchmarks.paper_reference import PatchGAN, Settings, TrainStep, UNet, make_adam, make_train_step


def small_step(**settings):
    torch.manual_seed(0)
    conditional = settings.get("conditional", True)
    networks = UNet(3, 3, halvings=2, width=4), PatchGAN(6 if conditional else 3, layers=1, width=4)
    return make_train_step(*networks, Settings(**settings))


def batch():
    torch.manual_seed(1)
    return 2.0 * torch.rand(2, 3, 16, 16) - 1.0, 2.0 * torch.rand(2, 3, 16, 16) - 1.0


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
            return self.offset + torch.where(seen.mean((1, 2, 3), keepdim=True) > 0.8, 2.0, 1.0) + 3e-3 * seen.sum()

    generator, judge = nn.Conv2d(1, 1, 1), Judge()
    for parameter in generator.parameters():
        nn.init.zeros_(parameter)
    settings = Settings(objective, "together", conditional=False, discriminator_factor=1.0)
    step = TrainStep(generator, judge, make_adam(generator), make_adam(judge), settings)
    condition, image = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    losses = step(condition, image, torch.tensor([0.25]))
    offset = 3e-3 * 16  # of the real image's logit
    slope = {"vanilla": -0.119203, "lsgan": 2.0, "hinge": 0.0, "wgan-gp": -1.0}[objective]
    assert losses["d_real"].item() == pytest.approx(real + offset * slope, abs=3e-3)
    assert losses["d_fake"].item() == pytest.approx(fake, abs=1e-5)
    assert losses["g_gan"].item() == pytest.approx(fooled, abs=1e-5)
    assert losses["g_loss"].item() == pytest.approx(fooled + 100.0, abs=1e-4)
    assert losses["g_l1"].item() == 1.0
    d_loss = losses["d_real"] + losses["d_fake"]
    if objective == "wgan-gp":
        assert losses["d_penalty"].item() == pytest.approx((3e-3 * 4 - 1.0) ** 2, abs=1e-5)
        d_loss += 10.0 * losses["d_penalty"]
    assert losses["d_loss"].item() == pytest.approx(d_loss.item())


def test_smoothing_is_one_sided_and_in_the_discriminator_s_loss_alone():
    plain, smooth = small_step(order="together"), small_step(order="together", real_label=0.9)
    one, other = plain(*batch()), smooth(*batch())
    assert one["d_real"] != other["d_real"]
    assert one["d_fake"] == other["d_fake"]
    assert one["g_loss"] == other["g_loss"]


def test_factor_is_in_the_loss_and_in_the_gradient():
    whole, half = small_step(discriminator_factor=1.0), small_step(discriminator_factor=0.5)
    one, other = whole(*batch()), half(*batch())
    assert one["d_loss"] == one["d_real"] + one["d_fake"]
    assert other["d_loss"] == 0.5 * one["d_loss"]
    for full, halved in zip(whole.d_params, half.d_params, strict=True):
        torch.testing.assert_close(halved.grad, 0.5 * full.grad)


def test_orders_differ_in_which_discriminator_judges_the_fake():
    together, first = small_step(order="together"), small_step(order="discriminator_first")
    moved = copy.deepcopy(first)
    one, other = together(*batch()), first(*batch())
    assert one["d_real"] == other["d_real"]
    assert one["d_fake"] == other["d_fake"]
    assert one["g_l1"] == other["g_l1"]
    assert one["g_gan"] != other["g_gan"]
    for a, b in zip(together.d_params, first.d_params, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    condition, _ = batch()
    fake = moved.generator(condition)
    logits = first.discriminator(torch.cat([condition, fake], dim=1))
    wanted = nn.functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    torch.testing.assert_close(other["g_gan"], wanted)


def test_condition_reaches_the_discriminator_only_where_it_should():
    condition, image = batch()
    for conditional in (True, False):
        one, other = small_step(conditional=conditional), small_step(conditional=conditional)
        differs = one(condition, image)["d_real"] != other(-condition, image)["d_real"]
        assert differs.item() is conditional


def test_images_come_as_bytes_or_as_scaled_floats_in_either_layout():
    torch.manual_seed(2)
    condition, image = torch.randint(0, 256, (2, 2, 16, 16, 3), dtype=torch.uint8)
    scaled = [batch.permute(0, 3, 1, 2).float() / 127.5 - 1.0 for batch in (condition, image)]
    from_bytes, from_floats = small_step()(condition, image), small_step()(*scaled)
    assert from_bytes == from_floats
    last = small_step()
    for network in (last.generator, last.discriminator):
        network.to(memory_format=torch.channels_last)
    step = TrainStep(
        *(last.generator, last.discriminator, last.g_adam, last.d_adam, last.settings), torch.channels_last
    )
    for name, loss in step(condition, image).items():
        torch.testing.assert_close(loss, from_bytes[name], rtol=1e-4, atol=1e-5)


def test_autocast_keeps_the_losses_in_float32():
    plain = small_step()(*batch())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = small_step()(*batch())
    for name, loss in cast.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, plain[name], rtol=0.05, atol=0.01)
