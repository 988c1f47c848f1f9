import jax
import numpy as np
import pytest

from pix2pix_jax import layers, upsampling


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_takes_the_mean_of_each_tile(factor):
    x = random(2, 8, 12, 3)
    pooled = layers.avg_pool(x, factor)
    assert pooled.shape == (2, 8 // factor, 12 // factor, 3)
    np.testing.assert_allclose(
        pooled[1, 1, 2], x[1, factor : 2 * factor, 2 * factor : 3 * factor].mean((0, 1)), atol=1e-6
    )


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_spreads_its_gradient_evenly(factor):
    gradient = random(2, 8 // factor, 12 // factor, 3)
    _, vjp = jax.vjp(lambda x: layers.avg_pool(x, factor), random(2, 8, 12, 3))
    np.testing.assert_allclose(vjp(gradient)[0], gradient.repeat(factor, 1).repeat(factor, 2) / factor**2, rtol=1e-6)


def norm_variables(channels):
    return {
        "params": {"scale": random(channels), "bias": random(channels + 1)[:channels]},
        "batch_stats": {"mean": random(channels + 2)[:channels], "var": np.abs(random(channels + 3)[:channels])},
    }


def test_batch_norm_in_training_is_pytorchs():
    x, conv_bias = random(2, 3, 4, 5), random(7)[:5]
    variables = norm_variables(5)
    y, moved = layers.BatchNorm().apply(variables, x, conv_bias, train=True, mutable=["batch_stats"])
    rows = (x + conv_bias).reshape(-1, 5)
    params, averages = variables["params"], variables["batch_stats"]
    wanted = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5) * params["scale"] + params["bias"]
    np.testing.assert_allclose(y.reshape(-1, 5), wanted, atol=1e-5)
    np.testing.assert_allclose(moved["batch_stats"]["mean"], 0.9 * averages["mean"] + 0.1 * rows.mean(0), atol=1e-6)
    unbiased = rows.var(0, ddof=1)
    np.testing.assert_allclose(moved["batch_stats"]["var"], 0.9 * averages["var"] + 0.1 * unbiased, atol=1e-6)


@pytest.mark.parametrize("upsample", [2, 4])
def test_batch_norm_counts_each_output_of_an_upsampling_convolution(upsample):
    counts = upsampling.between_counts(upsample)
    x, conv_bias = random(2, 3, len(counts), 4, len(counts), 5), random(7)[:5]
    variables = norm_variables(5)
    y, moved = layers.BatchNorm().apply(variables, x, conv_bias, train=True, upsample=upsample, mutable=["batch_stats"])
    every = upsampling.repeat_between(x, upsample)
    wanted, wanted_moved = layers.BatchNorm().apply(variables, every, conv_bias, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(upsampling.repeat_between(y, upsample), wanted, atol=1e-5)
    jax.tree.map(lambda got, want: np.testing.assert_allclose(got, want, atol=1e-6), moved, wanted_moved)


def test_batch_norm_in_evaluation_uses_the_averages_alone():
    x, conv_bias = random(2, 3, 4, 5), random(7)[:5]
    variables = norm_variables(5)
    params, averages = variables["params"], variables["batch_stats"]
    y = layers.BatchNorm().apply(variables, x, conv_bias, train=False)
    spread = np.sqrt(averages["var"] + 1e-5)
    np.testing.assert_allclose(
        y, (x + conv_bias - averages["mean"]) / spread * params["scale"] + params["bias"], atol=1e-5
    )


def test_batch_norm_without_averages_keeps_none():
    norm = layers.BatchNorm(keep_averages=False)
    variables = norm.init(jax.random.key(0), random(2, 3, 4, 5), np.zeros(5), train=True)
    assert set(variables) == {"params"}


def test_initial_weights_lie_within_pytorchs_bounds():
    variables = layers.Conv(7, 3).init(jax.random.key(0), random(1, 4, 4, 50))
    bound = (9 * 50) ** -0.5
    for leaf in jax.tree.leaves(variables):
        assert 0.8 * bound < np.abs(leaf).max() <= bound
