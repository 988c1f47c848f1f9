"""The forms for CPUs and accelerators are equal to the plain ones, values and gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_jax import ops
from pix2pix_jax.ops import accelerators, plain

FORMS = {
    **{f"conv{size}": (ops.conv2d, size, {}) for size in (1, 3, 5, 7)},
    "joined": (ops.conv2d_joined, 5, {}),
    **{f"upsample{factor}": (ops.upsample_conv2d, 3, {"factor": factor}) for factor in (2, 5)},
    "down": (ops.conv2d, 4, {"stride": 2, "padding": 1}),
    "patch": (ops.conv2d, 4, {"stride": 1, "padding": 1}),
    "small_down": (ops.conv2d, 3, {"stride": 2, "padding": 1}),
    "inner": (ops.conv2d, 3, {"stride": 1, "padding": 0}),
    "wide": (ops.conv2d, 7, {"stride": 1, "padding": 0}),
    "up": (ops.conv_transpose2d, 4, {}),
    "small_up": (ops.conv_transpose2d, 3, {}),
    "depthwise": (ops.depthwise_conv2d, 5, {"stride": 1}),
    "depthwise_down": (ops.depthwise_conv2d, 3, {"stride": 2}),
    "joined_elsewhere": (accelerators.conv2d_joined, 3, {}),
    "upsample_elsewhere": (accelerators.upsample_conv2d, 3, {"factor": 4}),
    "up_elsewhere": (accelerators.conv_transpose2d, 4, {}),
    "small_up_elsewhere": (accelerators.conv_transpose2d, 3, {}),
}
"""Functions of x and a kernel, on the CPU that tests run on; the side of the kernel, and options."""

LARGE = (1, 47, 49, 64)
"""An image of so many pixels and channels that 2×2, 3×3 and 4×4 kernels get Winograd's form."""


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


def form(name, channels, features):
    """The form, the plain one, and a kernel."""
    function, size, options = FORMS[name]
    reference = getattr(plain, function.__name__)
    shape = size, size, channels, features
    if function.__name__ == "conv_transpose2d":
        shape = size, size, features, channels
    if function.__name__ == "depthwise_conv2d":
        shape = size, size, channels
    forms = [partial(one, **options) for one in (function, reference)]
    if function.__name__ == "conv2d_joined":
        forms = [lambda x, kernel, one=one: one((x[..., :1], x[..., 1:]), kernel) for one in forms]
    return *forms, random(*shape)


def with_gradients(layer, x, kernel):
    """The values, and the gradients of both arguments for a random gradient of the values."""
    gradient = random(*jax.eval_shape(layer, x, kernel).shape)

    def value_and_gradients(x, kernel):
        value, vjp = jax.vjp(layer, x, kernel)
        return value, *vjp(gradient)

    # Compiled as a whole without optimisation: op by op takes three times as long.
    return jax.jit(value_and_gradients, compiler_options={"xla_backend_optimization_level": 0})(x, kernel)


def assert_same(ours, reference, x, kernel):
    for got, want in zip(with_gradients(ours, x, kernel), with_gradients(reference, x, kernel), strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(want).max())))


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=3, deadline=None)
@given(height=st.integers(0, 6), width=st.integers(0, 6), channels=st.sampled_from([2, 6]), features=st.integers(1, 6))
def test_every_form_is_the_plain_one(name, height, width, channels, features):
    least = FORMS[name][1] if "padding" in FORMS[name][2] else 1
    sides = [2 * length + 2 if "depthwise" in name else length + least for length in (height, width)]
    assert_same(*form(name, channels, features)[:2], random(2, *sides, channels), form(name, channels, features)[2])


@pytest.mark.parametrize("name", ["patch", "inner", "up"])
def test_so_it_is_for_large_images_of_many_channels(name):
    ours, reference, kernel = form(name, 64, 64)
    assert_same(ours, reference, random(*LARGE), kernel / 32)


@pytest.mark.parametrize(
    ("name", "shape"), [*[(name, (1, 5, 6, 3)) for name in ("conv3", "down", "patch", "up")], ("down", LARGE)]
)
def test_layers_of_the_paper_can_be_differentiated_twice(name, shape):
    *forms, kernel = form(name, shape[-1], shape[-1])
    kernel, weights = kernel / (4 * shape[-1] ** 0.5), random(shape[-1], 1)

    def penalty(form, x, kernel):
        """As a gradient penalty: of the norm of the gradient of x behind a second layer, which is not linear."""
        judged = jax.grad(lambda x: jnp.sum(jnp.tanh(form(x, kernel) @ weights)))(x)
        return jnp.sum(judged**2)

    options = {"xla_backend_optimization_level": 0}
    got, want = (
        jax.jit(jax.grad(partial(penalty, form), (0, 1)), compiler_options=options)(random(*shape), kernel)
        for form in forms
    )
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=5e-5 * float(jnp.abs(other).max()))


@pytest.mark.parametrize(
    ("name", "shape", "features"),
    [
        *[(name, (1, 8, 9, 16), 8) for name in ("down", "patch", "inner", "up", "conv3", "upsample2")],
        *[(name, (2, 7, 9, 3), 8) for name in ("conv3", "upsample_elsewhere", "up_elsewhere")],
        ("conv3", (2, 7, 9, 8), 2),
        *[(name, LARGE, 64) for name in ("down", "patch", "up")],
    ],
)
def test_bfloat16_is_float32_to_its_rounding(name, shape, features):
    ours, reference, kernel = form(name, shape[-1], features)
    x = random(*shape)
    low = with_gradients(ours, jnp.asarray(x, jnp.bfloat16), kernel)
    assert [leaf.dtype for leaf in low] == [jnp.float32, jnp.bfloat16, jnp.float32]
    for got, want in zip(low, with_gradients(reference, x, kernel), strict=True):
        assert jnp.linalg.norm((got.astype(jnp.float32) - want).ravel()) < 2**-7 * jnp.linalg.norm(want.ravel())
