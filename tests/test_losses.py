import jax.numpy as jnp
import numpy as np

from pix2pix_jax import losses


def test_cross_entropy_is_the_mean_over_every_patch():
    logits = np.array([[-2.0, 0.0], [0.5, 30.0]], np.float32)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(
        losses.cross_entropy(jnp.asarray(logits), real=True), -np.log(probability).mean(), rtol=1e-6
    )
    fake = np.log1p(np.exp(logits.astype(np.float64))).mean()
    np.testing.assert_allclose(losses.cross_entropy(jnp.asarray(logits), real=False), fake, rtol=1e-6)


def test_cross_entropy_of_extreme_logits_is_finite():
    assert float(losses.cross_entropy(jnp.array([1e4]), real=False)) == 1e4
    assert float(losses.cross_entropy(jnp.array([1e4]), real=True)) == 0.0


def test_l1_is_the_mean_over_every_element():
    assert float(losses.l1(jnp.array([[1.0, -1.0], [0.0, 3.0]]), jnp.array([[0.0, 1.0], [0.0, 0.0]]))) == 1.5
