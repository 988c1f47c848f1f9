import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from pix2pix_jax import layers

few = settings(max_examples=8, deadline=None)


def plain(x, kernel, factor=1):
    x = x.repeat(factor, 1).repeat(factor, 2)
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def assert_same_with_gradients(layer, reference, x, kernel):
    """Values, and the gradients of both arguments for a random gradient of the result."""
    value, vjp = jax.vjp(layer, x, kernel)
    wanted, wanted_vjp = jax.vjp(reference, x, kernel)
    gradient = np.random.RandomState(1).randn(*wanted.shape).astype(np.float32)
    for got, want in zip((value, *vjp(gradient)), (wanted, *wanted_vjp(gradient)), strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(want).max())))


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


@few
@given(
    factor=st.integers(2, 5),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    channels=st.integers(1, 5),
    features=st.integers(1, 5),
)
def test_upsample_conv_is_upsampling_then_convolving(factor, height, width, channels, features):
    x, kernel = random(2, height, width, channels), random(3, 3, channels, features)
    assert_same_with_gradients(
        lambda x, k: layers.upsample_conv2d(x, k, factor), lambda x, k: plain(x, k, factor), x, kernel
    )


@few
@given(
    size=st.sampled_from([1, 3, 5]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 6),
    features=st.integers(1, 6),
)
def test_conv_is_the_plain_one_from_few_to_many_channels(size, height, width, channels, features):
    x, kernel = random(2, height, width, channels), random(size, size, channels, features)
    assert_same_with_gradients(layers.conv2d, plain, x, kernel)


def test_conv_of_another_platform_is_the_plain_one(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    x, kernel = random(2, 6, 4, 3), random(5, 5, 3, 2)
    np.testing.assert_array_equal(layers.conv2d(x, kernel), plain(x, kernel))


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_takes_the_mean_of_each_tile(factor):
    x = random(2, 8, 12, 3)
    pooled = layers.avg_pool(x, factor)
    assert pooled.shape == (2, 8 // factor, 12 // factor, 3)
    np.testing.assert_allclose(
        pooled[1, 1, 2], x[1, factor : 2 * factor, 2 * factor : 3 * factor].mean((0, 1)), atol=1e-6
    )


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
