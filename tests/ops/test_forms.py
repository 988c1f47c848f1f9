"""The CPU's forms are equal to the plain ones, values and gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_jax.ops import cpu_convolutions, plain, upsampling

few = settings(max_examples=8, deadline=None)


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
    on_gpu=st.booleans(),
)
def test_upsample_conv_is_upsampling_then_convolving(factor, height, width, channels, features, on_gpu):
    x, kernel = random(2, height, width, channels), random(3, 3, channels, features)
    ours = partial(upsampling.upsample_conv2d, factor=factor, on_gpu=on_gpu)
    assert_same_with_gradients(ours, partial(plain.upsample_conv2d, factor=factor), x, kernel)


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
    assert_same_with_gradients(cpu_convolutions.conv2d, plain.conv2d, x, kernel)


@pytest.mark.parametrize(
    ("layer", "reference"),
    [
        (cpu_convolutions.conv2d, plain.conv2d),
        (partial(upsampling.upsample_conv2d, factor=4), partial(plain.upsample_conv2d, factor=4)),
        (partial(upsampling.upsample_conv2d, factor=4, on_gpu=True), partial(plain.upsample_conv2d, factor=4)),
    ],
    ids=["conv", "upsample_conv", "upsample_conv_on_gpu"],
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
        (partial(upsampling.upsample_conv2d, factor=2), 16, 8, 3),
        (cpu_convolutions.conv2d, 3, 16, 3),
        (cpu_convolutions.conv2d, 16, 2, 3),
    ],
    ids=["upsample_conv", "from_few", "to_few"],
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
