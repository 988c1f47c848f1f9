"""The Fréchet distance against SciPy's matrix root, and on a network's features."""

import numpy as np
import pytest
from encoders import efficientnet_state_dict
from helpers import smooth_images
from scipy.linalg import sqrtm

from pix2pix_jax.evaluation.frechet import Gaussian, distance, distances, gaussian_of
from pix2pix_jax.networks.efficientnet.weights import encoder_from_pytorch


def gaussian(seed, count, size=6):
    mixed = np.random.default_rng(seed).normal(seed, 1.0, (count, size)) @ np.random.default_rng(9).normal(
        size=(size, size)
    )
    return Gaussian(mixed.mean(0), np.cov(mixed, rowvar=False))


@pytest.mark.parametrize("count", [40, 4], ids=["of full rank", "of fewer images than features"])
def test_the_distance_is_scipys(count):
    one, other = gaussian(1, count), gaussian(2, 50)
    root = sqrtm(one.covariance @ other.covariance).real
    wanted = np.sum((one.mean - other.mean) ** 2) + np.trace(one.covariance + other.covariance - 2 * root)
    assert distance(one, other) == pytest.approx(wanted, rel=1e-6)
    assert distance(other, one) == pytest.approx(wanted, rel=1e-6)
    assert distance(one, one) == pytest.approx(0.0, abs=1e-8 * wanted)


def test_one_dimension_by_hand():
    one, other = (Gaussian(np.array([mean]), np.array([[sd**2]])) for mean, sd in ((1.0, 2.0), (4.0, 3.0)))
    assert distance(one, other) == pytest.approx(3**2 + (3 - 2) ** 2)


@pytest.mark.process
def test_images_like_the_truth_are_near():
    encoder = encoder_from_pytorch(efficientnet_state_dict("lite2"), "lite2")
    truth = smooth_images(40, 40)  # more than are looked at together
    gray = truth.mean(-1, keepdims=True).repeat(3, -1).astype(np.uint8)
    half = ((truth.astype(int) + gray) // 2).astype(np.uint8)
    found_distances = distances({"same": truth[::-1], "half": half, "grey": gray}.items(), truth, encoder)
    assert found_distances["same"] == pytest.approx(0.0, abs=1e-3 * found_distances["half"])
    assert 0 < found_distances["half"] < found_distances["grey"]
    found = gaussian_of(truth, encoder)
    assert found.mean.shape == (48 + 120 + 352,)
    np.testing.assert_allclose(gaussian_of(truth / np.float32(255), encoder).mean, found.mean, rtol=1e-3, atol=1e-3)
