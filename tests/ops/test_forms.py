"""The CPU's forms are equal to the plain ones, values and gradients."""

from contextlib import contextmanager
from functools import partial
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_jax.ops import accelerators, cpu_convolutions, depthwise, plain, strided, upsampling

few = settings(max_examples=6, deadline=None)


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


def assert_bfloat16_is_float32_to_its_rounding(layer, reference, x, kernel):
    """Values and gradients of a layer in bfloat16, and the dtypes that they have."""
    gradient = random(*jax.eval_shape(reference, x, kernel).shape)
    low = with_gradients(layer, jnp.asarray(x, jnp.bfloat16), kernel, gradient)
    assert [leaf.dtype for leaf in low] == [jnp.float32, jnp.bfloat16, jnp.float32]
    for got, want in zip(low, with_gradients(reference, x, kernel, gradient), strict=True):
        assert jnp.linalg.norm((got.astype(jnp.float32) - want).ravel()) < 2**-7 * jnp.linalg.norm(want.ravel())


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


@few
@given(
    factor=st.integers(2, 5),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    channels=st.integers(1, 5),
    features=st.integers(1, 5),
    form=st.sampled_from([upsampling, accelerators]),
)
def test_upsample_conv_is_upsampling_then_convolving(factor, height, width, channels, features, form):
    x, kernel = random(2, height, width, channels), random(3, 3, channels, features)
    ours = partial(form.upsample_conv2d, factor=factor)
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


@pytest.mark.parametrize("size", [3, 4])
def test_transposed_conv_for_accelerators_is_the_plain_one(size):
    x, kernel = random(2, 5, 7, 3), random(size, size, 4, 3)
    assert_same_with_gradients(accelerators.conv_transpose2d, plain.conv_transpose2d, x, kernel)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_depthwise_conv_is_the_plain_one(size, stride):
    forms = (depthwise.shifted_depthwise_conv2d, depthwise.plain_depthwise_conv2d)
    shifted, whole = (lambda x, kernel, form=form: form(x, kernel, stride) for form in forms)
    assert_same_with_gradients(shifted, whole, random(2, 6, 8, 3), random(size, size, 3))


@pytest.mark.parametrize("form", [cpu_convolutions, accelerators], ids=["cpu", "accelerators"])
def test_conv_of_joined_parts_is_the_plain_one(form):
    x, kernel = random(2, 6, 7, 5), random(3, 3, 5, 4)
    ours, reference = (
        lambda x, kernel, conv=conv: conv.conv2d_joined((x[..., :2], x[..., 2:]), kernel) for conv in (form, plain)
    )
    assert_same_with_gradients(ours, reference, x, kernel)


LAYERS = {
    "down": (4, 2, 1),
    "patch": (4, 1, 1),
    "small_down": (3, 2, 1),
    "inner": (3, 1, 0),
    "wide": (7, 1, 0),
    "pixel": (1, 1, 0),
    "up": (4,),
    "small_up": (3,),
}
"""The layers of the paper's networks: side of the kernel, stride and padding; the side alone of transposed ones."""


def forms(layer):
    """A layer for CPUs, the plain one, and the shape of a kernel by its channels in and out."""
    size, *options = LAYERS[layer]
    if not options:
        return strided.conv_transpose2d, plain.conv_transpose2d, lambda inputs, outputs: (size, size, outputs, inputs)
    stride, padding = options
    ours, reference = (partial(form.conv2d, stride=stride, padding=padding) for form in (strided, plain))
    return ours, reference, lambda inputs, outputs: (size, size, inputs, outputs)


@contextmanager
def always(winograd):
    """Makes `strided` take Winograd's form for images of any size, where there is one, or for none."""
    tiles = 0 if winograd else 2**30
    with mock.patch.multiple(strided, _FEWEST_TILES=tiles, _FEWEST_CHANNELS=1):
        yield


winograd = pytest.mark.parametrize("winograd", [False, True], ids=["direct", "winograd"])


@winograd
@few
@given(
    layer=st.sampled_from(sorted(LAYERS)),
    height=st.integers(0, 5),
    width=st.integers(0, 5),
    channels=st.integers(1, 5),
    features=st.integers(1, 5),
)
def test_layers_of_the_paper_are_the_plain_ones(winograd, layer, height, width, channels, features):
    ours, reference, kernel_shape = forms(layer)
    least = 1 if layer in ("up", "small_up") else LAYERS[layer][0] - 2 * LAYERS[layer][2]
    x, kernel = random(2, least + height, least + width, channels), random(*kernel_shape(channels, features))
    with always(winograd):
        assert_same_with_gradients(ours, reference, x, kernel)


@winograd
@pytest.mark.parametrize("layer", ["down", "patch", "up"])
def test_layers_of_the_paper_can_be_differentiated_twice(winograd, layer):
    ours, reference, kernel_shape = forms(layer)
    x, kernel, weights = random(1, 4, 5, 3), random(*kernel_shape(3, 2)) / 8, random(2, 1)

    def penalty(form, x, kernel):
        """As a gradient penalty: of the norm of the gradient of x behind a second layer, which is not linear."""
        judged = jax.grad(lambda x: jnp.sum(jnp.tanh(form(x, kernel) @ weights)))(x)
        return jnp.sum(judged**2)

    with always(winograd):
        got, want = (
            jax.jit(jax.grad(partial(penalty, form), (0, 1)), compiler_options={"xla_backend_optimization_level": 0})(
                x, kernel
            )
            for form in (ours, reference)
        )
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5 * float(jnp.abs(other).max()))


@winograd
@pytest.mark.parametrize("layer", ["down", "patch", "inner", "up"])
def test_layers_of_the_paper_in_bfloat16_are_float32_to_its_rounding(winograd, layer):
    ours, reference, kernel_shape = forms(layer)
    x, kernel = random(1, 8, 9, 16), random(*kernel_shape(16, 8))
    with always(winograd):
        assert_bfloat16_is_float32_to_its_rounding(ours, reference, x, kernel)


@pytest.mark.parametrize(
    ("layer", "channels", "side", "products"),
    [
        ("down", 64, 64, 3 * 9),
        ("patch", 64, 34, 3 * 25),
        ("up", 64, 32, 3 * 9),
        ("down", 64, 16, 3),
        ("down", 3, 64, 3),
    ],
    ids=["down", "patch", "up", "few_pixels", "few_channels"],
)
def test_winograd_is_for_many_pixels_of_many_channels(layer, channels, side, products):
    ours, _, kernel_shape = forms(layer)
    x, kernel = jnp.zeros((1, side, side, channels)), jnp.zeros(kernel_shape(channels, 64))
    both = jax.jit(lambda x, kernel, gradient: (ours(x, kernel), jax.vjp(ours, x, kernel)[1](gradient)))
    program = both.lower(x, kernel, jax.eval_shape(ours, x, kernel)).as_text()
    assert program.count("stablehlo.dot_general") == products


@pytest.mark.parametrize(
    ("layer", "reference"),
    [
        (cpu_convolutions.conv2d, plain.conv2d),
        (partial(upsampling.upsample_conv2d, factor=4), partial(plain.upsample_conv2d, factor=4)),
        (partial(accelerators.upsample_conv2d, factor=4), partial(plain.upsample_conv2d, factor=4)),
    ],
    ids=["conv", "upsample_conv", "upsample_conv_transposed"],
)
@pytest.mark.parametrize(("channels", "features"), [(6, 8), (3, 8), (8, 2)])
def test_bfloat16_is_float32_to_its_rounding(layer, reference, channels, features):
    x, kernel = random(2, 7, 9, channels), random(3, 3, channels, features)
    assert_bfloat16_is_float32_to_its_rounding(layer, reference, x, kernel)


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
