import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from pix2pix_jax import convolutions, winograd


def plain(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


def with_gradients(conv, x, kernel, gradient):
    def value_and_gradients(x, kernel, gradient):
        value, vjp = jax.vjp(conv, x, kernel)
        return value, *vjp(gradient)

    # Compiled as a whole without optimisation: op by op takes several times as long.
    return jax.jit(value_and_gradients, compiler_options={"xla_backend_optimization_level": 0})(x, kernel, gradient)


def assert_same_with_gradients(conv, x, kernel):
    gradient = random(*x.shape[:3], kernel.shape[-1])
    for got, want in zip(*(with_gradients(form, x, kernel, gradient) for form in (conv, plain)), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * float(jnp.abs(want).max()))


@settings(max_examples=8, deadline=None)
@given(
    height=st.sampled_from([3, 6, 9, 12]),
    width=st.sampled_from([3, 6, 9, 12]),
    batch=st.integers(1, 3),
    channels=st.integers(1, 7),
    features=st.integers(1, 7),
)
def test_it_is_the_plain_convolution(height, width, batch, channels, features):
    assert_same_with_gradients(
        winograd.conv2d, random(batch, height, width, channels), random(3, 3, channels, features)
    )


@pytest.mark.parametrize("side", [3, 12])
def test_it_is_the_plain_convolution_with_as_many_channels_as_the_networks_have(side):
    assert_same_with_gradients(winograd.conv2d, random(2, side, side, 256), random(3, 3, 256, 128) / 48)


@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        ((32, 12, 12, 8), True),
        ((32, 3, 3, 8), True),
        ((32, 12, 8, 8), False),
        ((32, 15, 15, 8), False),
        ((1, 12, 12, 8), False),
        ((64, 6, 6, 3), False),
    ],
)
def test_it_is_taken_where_images_are_small_and_many(monkeypatch, shape, taken):
    calls = []
    monkeypatch.setattr(winograd, "conv2d", lambda x, kernel: calls.append(x.shape) or plain(x, kernel))
    x, kernel = random(*shape), random(3, 3, shape[-1], 8)
    np.testing.assert_allclose(convolutions.conv2d(x, kernel), plain(x, kernel), atol=1e-4)
    assert calls == [shape] * taken
