import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import deltaE_ciede94, rgb2lab

from pix2pix_jax import color, losses


def test_cross_entropy_is_the_mean_over_every_patch():
    logits = np.array([[-2.0, 0.0], [0.5, 30.0]], np.float32)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(losses.real_loss(jnp.asarray(logits), "vanilla"), -np.log(probability).mean(), rtol=1e-6)
    fake = np.log1p(np.exp(logits.astype(np.float64))).mean()
    np.testing.assert_allclose(losses.fake_loss(jnp.asarray(logits), "vanilla"), fake, rtol=1e-6)


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


def test_colourful_pixels_count_more_where_asked():
    truth = jnp.array([[0.0, 0.0], [0.3, 0.4]])[None, None]  # chroma of 0 and 0.5: weights 1 / 2 and 3 / 2
    made = truth + jnp.array([[0.1, 0.3], [0.2, 0.0]])
    assert float(losses.l1_of_chroma(made, truth, 0.0)) == pytest.approx(0.6 / 4)
    assert float(losses.l1_of_chroma(made, truth, 1.0)) == pytest.approx((0.5 * 0.4 + 1.5 * 0.2) / 4)
    assert float(losses.l1_of_chroma(made, jnp.zeros_like(truth), 1.0)) == pytest.approx(float(made.mean()) / 2)


def test_cie94_is_scikit_images():
    made, truth = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 1000, 3)).astype(np.float32)
    expected = deltaE_ciede94(rgb2lab((truth + 1) / 2), rgb2lab((made + 1) / 2))
    np.testing.assert_allclose(losses.cie94(jnp.asarray(made), jnp.asarray(truth)), expected, rtol=1e-3, atol=0.02)


@pytest.mark.parametrize("made", [[-1.0, -1.0, -1.0], [0.2, 0.2, 0.2], [-3.0, 0.0, 3.0]])
@pytest.mark.parametrize("truth", [[-1.0, -1.0, -1.0], [0.2, 0.2, 0.2], [1.0, -1.0, 0.0]])
def test_cie94_has_a_gradient_everywhere(made, truth):
    gradient = jax.grad(lambda made: losses.cie94(made, jnp.array(truth)))(jnp.array(made))
    assert np.isfinite(gradient).all()


def test_the_share_that_grey_is_nearer_to_counts_photographs():
    truth = jnp.asarray(np.random.default_rng(0).uniform(-0.9, 0.9, (4, 8, 8, 3)), jnp.float32)
    luma = color.rgb_to_ycrcb(truth)[..., :1]
    gray, wrong = jnp.broadcast_to(luma, truth.shape), truth[..., ::-1]
    assert float(losses.share_nearer_to_gray(gray, truth, luma)) == pytest.approx(0.5)
    assert float(losses.share_nearer_to_gray(truth, truth, luma)) < 0.01
    assert float(losses.share_nearer_to_gray(wrong, truth, luma)) > 0.99
    mixed = jnp.concatenate([truth[:3], wrong[3:]])
    assert float(losses.share_nearer_to_gray(mixed, truth, luma)) == pytest.approx(0.25, abs=0.01)
