import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax import losses


def test_cross_entropy_is_the_mean_over_every_patch():
    logits = np.array([[-2.0, 0.0], [0.5, 30.0]], np.float32)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(losses.cross_entropy(jnp.asarray(logits), 1.0), -np.log(probability).mean(), rtol=1e-6)
    fake = np.log1p(np.exp(logits.astype(np.float64))).mean()
    np.testing.assert_allclose(losses.cross_entropy(jnp.asarray(logits), 0.0), fake, rtol=1e-6)


def test_cross_entropy_of_extreme_logits_is_finite():
    assert float(losses.cross_entropy(jnp.array([1e4]), 0.0)) == 1e4
    assert float(losses.cross_entropy(jnp.array([1e4]), 1.0)) == 0.0


def test_l1_is_the_mean_over_every_element():
    assert float(losses.l1(jnp.array([[1.0, -1.0], [0.0, 3.0]]), jnp.array([[0.0, 1.0], [0.0, 0.0]]))) == 1.5


LOGITS = np.array([[-2.0, 0.5], [0.25, 3.0]], np.float32)


@pytest.mark.parametrize(
    ("gan", "real", "fake", "fooling"),
    [
        ("lsgan", np.mean((LOGITS - 0.9) ** 2), np.mean(LOGITS**2), np.mean((LOGITS - 1.0) ** 2)),
        ("hinge", np.mean(np.maximum(1 - LOGITS, 0)), np.mean(np.maximum(1 + LOGITS, 0)), -LOGITS.mean()),
        ("wgan-gp", -LOGITS.mean(), LOGITS.mean(), -LOGITS.mean()),
    ],
)
def test_objectives_are_their_papers(gan, real, fake, fooling):
    logits = jnp.asarray(LOGITS)
    assert float(losses.real_loss(logits, gan, 0.9)) == pytest.approx(real, rel=1e-6)
    assert float(losses.fake_loss(logits, gan)) == pytest.approx(fake, rel=1e-6)
    assert float(losses.fooling_loss(logits, gan)) == pytest.approx(fooling, rel=1e-6)


def test_label_smoothing_is_one_sided():
    logits = jnp.asarray(LOGITS)
    probability = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    smoothed = -np.mean(0.9 * np.log(probability) + 0.1 * np.log(1 - probability))
    assert float(losses.real_loss(logits, "vanilla", 0.9)) == pytest.approx(smoothed, rel=1e-6)
    assert float(losses.fooling_loss(logits, "vanilla")) == pytest.approx(-np.log(probability).mean(), rel=1e-6)


def test_the_gradient_penalty_measures_the_slope_of_each_image():
    slopes = jnp.array([0.0, 1.0, 3.0])[:, None, None, None] / 2.0  # times 4 pixels: norms 0, 1, 3
    real, fake = jnp.zeros((3, 2, 2, 1)), jnp.ones((3, 2, 2, 1))
    penalty = losses.gradient_penalty(lambda seen: slopes * seen, real, fake, jnp.array([0.1, 0.5, 0.9]))
    assert float(penalty) == pytest.approx((1 + 0 + 4) / 3, rel=1e-5)


def test_the_gradient_penalty_is_taken_between_true_and_made_images():
    # The gradient of x²/2 is x, so the norm of one pixel tells where it was taken: at 0.25 · 2 + 0.75 · 4.
    real, fake = jnp.full((1, 1, 1, 1), 2.0), jnp.full((1, 1, 1, 1), 4.0)
    penalty = losses.gradient_penalty(lambda seen: jnp.square(seen) / 2, real, fake, jnp.array([0.25]))
    assert float(penalty) == pytest.approx((3.5 - 1) ** 2, rel=1e-5)
