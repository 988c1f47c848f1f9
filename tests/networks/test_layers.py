import jax
import numpy as np

from pix2pix_jax.networks import layers


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


def norm_variables(channels):
    return {
        "params": {"scale": random(channels), "bias": random(channels + 1)[:channels]},
        "batch_stats": {"mean": random(channels + 2)[:channels], "var": np.abs(random(channels + 3)[:channels])},
    }


def test_batch_norm_in_training_is_pytorchs():
    x, variables = random(2, 3, 4, 5), norm_variables(5)
    y, moved = layers.BatchNorm().apply(variables, x, train=True, mutable=["batch_stats"])
    rows = x.reshape(-1, 5)
    params, averages = variables["params"], variables["batch_stats"]
    wanted = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5) * params["scale"] + params["bias"]
    np.testing.assert_allclose(y.reshape(-1, 5), wanted, atol=1e-5)
    np.testing.assert_allclose(moved["batch_stats"]["mean"], 0.9 * averages["mean"] + 0.1 * rows.mean(0), atol=1e-6)
    unbiased = rows.var(0, ddof=1)
    np.testing.assert_allclose(moved["batch_stats"]["var"], 0.9 * averages["var"] + 0.1 * unbiased, atol=1e-6)


def test_batch_norm_in_evaluation_uses_the_averages_alone():
    x, variables = random(2, 3, 4, 5), norm_variables(5)
    params, averages = variables["params"], variables["batch_stats"]
    y = layers.BatchNorm().apply(variables, x, train=False)
    spread = np.sqrt(averages["var"] + 1e-5)
    np.testing.assert_allclose(y, (x - averages["mean"]) / spread * params["scale"] + params["bias"], atol=1e-5)


def test_batch_norm_without_averages_keeps_none():
    norm = layers.BatchNorm(keep_averages=False)
    variables = norm.init(jax.random.key(0), random(2, 3, 4, 5), train=True)
    assert set(variables) == {"params"}


def test_initial_weights_lie_within_pytorchs_bounds():
    variables = layers.Conv(7, 3).init(jax.random.key(0), random(1, 4, 4, 50))
    bound = (9 * 50) ** -0.5
    for leaf in jax.tree.leaves(variables):
        assert 0.8 * bound < np.abs(leaf).max() <= bound
