from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from pix2pix_jax import convolutions, upsampling

few = settings(max_examples=8, deadline=None)


def plain(x, kernel, factor=1):
    x = x.repeat(factor, 1).repeat(factor, 2)
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def upsample_conv(x, kernel, factor):
    return upsampling.repeat_between(upsampling.upsample_conv2d(x, kernel, factor), factor)


def skip_conv(both, kernel, factor):
    return upsampling.skip_conv2d(*both, kernel, factor)


def plain_skip_conv(both, kernel, factor):
    x, skip = both
    return plain(jnp.concatenate([upsampling.repeat_between(x, factor), skip], -1), kernel)


def with_gradients(layer, x, kernel, gradient):
    def value_and_gradients(x, kernel, gradient):
        value, vjp = jax.vjp(layer, x, kernel)
        return value, *vjp(gradient)

    # Compiled as a whole without optimisation: op by op takes three times as long.
    return jax.jit(value_and_gradients, compiler_options={"xla_backend_optimization_level": 0})(x, kernel, gradient)


def assert_same_with_gradients(layer, reference, x, kernel):
    """Values, and the gradients of both arguments for a random gradient of the result."""
    gradient = np.random.RandomState(1).randn(*jax.eval_shape(reference, x, kernel).shape).astype(np.float32)
    ours, wanted = (jax.tree.leaves(with_gradients(form, x, kernel, gradient)) for form in (layer, reference))
    for got, want in zip(ours, wanted, strict=True):
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
    assert_same_with_gradients(lambda x, k: upsample_conv(x, k, factor), lambda x, k: plain(x, k, factor), x, kernel)


@few
@given(
    size=st.sampled_from([1, 3, 5, 7]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 6),
    features=st.integers(1, 6),
)
def test_conv_is_the_plain_one_from_few_to_many_channels(size, height, width, channels, features):
    x, kernel = random(2, height, width, channels), random(size, size, channels, features)
    assert_same_with_gradients(convolutions.conv2d, plain, x, kernel)


@few
@given(
    factor=st.sampled_from([2, 3, 4, 4, 4]),  # 4 is that of a block
    size=st.sampled_from([1, 3, 5, 5, 7]),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    channels=st.integers(1, 6),
    more=st.integers(1, 6),
    features=st.integers(1, 5),
)
def test_skip_conv_is_the_plain_one_of_both_side_by_side(factor, size, height, width, channels, more, features):
    differing = len(upsampling.between_counts(factor))
    x = random(2, height, differing, width, differing, channels)
    both, kernel = (x, random(2, factor * height, factor * width, more)), random(size, size, channels + more, features)
    assert_same_with_gradients(partial(skip_conv, factor=factor), partial(plain_skip_conv, factor=factor), both, kernel)


def test_skip_conv_of_few_makes_no_concatenation():
    both, kernel = (random(2, 6, 3, 5, 3, 7), random(2, 24, 20, 4)), random(5, 5, 11, 2)
    program = jax.jit(partial(skip_conv, factor=4)).lower(both, kernel).as_text()
    assert "24x20x4x" in program
    assert "24x20x11x" not in program


def test_conv_of_another_platform_is_the_plain_one(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    x, kernel = random(2, 6, 4, 3), random(5, 5, 3, 2)
    np.testing.assert_array_equal(convolutions.conv2d(x, kernel), plain(x, kernel))
    both, kernel = (random(2, 6, 3, 4, 3, 3), random(2, 24, 16, 2)), random(5, 5, 5, 2)
    np.testing.assert_array_equal(skip_conv(both, kernel, 4), plain_skip_conv(both, kernel, 4))


@pytest.mark.parametrize(
    ("layer", "reference"),
    [
        (convolutions.conv2d, plain),
        (lambda x, k: upsample_conv(x, k, 4), lambda x, k: plain(x, k, 4)),
    ],
    ids=["conv", "upsample_conv"],
)
@pytest.mark.parametrize(("channels", "features"), [(6, 8), (3, 8), (8, 2)])
def test_bfloat16_is_float32_to_its_rounding(layer, reference, channels, features):
    x, kernel = random(2, 7, 9, channels), random(3, 3, channels, features)
    gradient = random(*jax.eval_shape(reference, x, kernel).shape)
    low = with_gradients(layer, jnp.asarray(x, jnp.bfloat16), kernel, gradient)
    assert [leaf.dtype for leaf in low] == [jnp.float32, jnp.bfloat16, jnp.float32]
    for got, want in zip(low, with_gradients(reference, x, kernel, gradient), strict=True):
        assert jnp.linalg.norm((got.astype(jnp.float32) - want).ravel()) < 2**-7 * jnp.linalg.norm(want.ravel())


@pytest.mark.parametrize(
    ("layer", "channels", "features", "products_in_all"),
    [
        (lambda x, kernel: upsample_conv(x, kernel, 2), 16, 8, 3),
        (convolutions.conv2d, 3, 16, 3),
        (convolutions.conv2d, 16, 2, 3),
        (lambda x, kernel: skip_conv((x[:, :12, :12, :8].reshape(4, 4, 3, 4, 3, 8), x[..., 8:]), kernel, 4), 16, 2, 6),
    ],
    ids=["upsample_conv", "from_few", "to_few", "skip_conv"],
)
def test_bfloat16_products_stay_bfloat16(layer, channels, features, products_in_all):
    # As float32 they take twice as long, which XLA makes of them where a factor looks like a transposition to it.
    x, kernel = jnp.asarray(random(4, 16, 16, channels), jnp.bfloat16), random(3, 3, channels, features)
    gradient = random(*jax.eval_shape(layer, x, kernel).shape)
    both = jax.jit(lambda x, kernel, gradient: (layer(x, kernel), jax.vjp(layer, x, kernel)[1](gradient)))
    blocks = both.lower(x, kernel, gradient).compile().as_text().split("\n\n")
    products = [block.strip().splitlines()[0] for block in blocks if " dot(" in block]
    assert len(products) == products_in_all, products
    for product in products:
        assert product.split(") ->")[0].count("bf16[") == 2, product
