import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from pix2pix_jax.ops.normalization import lean_batch_norm, plain_batch_norm

X = np.random.RandomState(0).randn(4, 3, 5, 6).astype(np.float32) * 2.0 + 1.0
SCALE, BIAS = np.linspace(-1.5, 2.0, 6, dtype=np.float32), np.linspace(1.0, -1.0, 6, dtype=np.float32)
GRADIENT = np.random.RandomState(1).randn(*X.shape).astype(np.float32)


def plainly(x, scale, bias, slope):
    """Batch norm and activation as one would write them, for JAX to differentiate."""
    y = (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2)) + 1e-5) * scale + bias
    return jnp.where(y > 0, y, slope * y)


def with_gradients(layer, *arguments):
    value, vjp = jax.vjp(layer, *arguments)
    return value, *vjp(GRADIENT.astype(value.dtype))


def ours(slope, dtype=jnp.float32, axis_name=None, form=lean_batch_norm):
    return lambda x, scale, bias: form(x, scale, bias, slope, dtype, axis_name)[0]


@pytest.mark.parametrize("form", [plain_batch_norm, lean_batch_norm])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_values_and_gradients_are_those_that_jax_derives(slope, form):
    wanted = with_gradients(lambda *arguments: plainly(*arguments, slope), X, SCALE, BIAS)
    for got, want in zip(with_gradients(ours(slope, form=form), X, SCALE, BIAS), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * np.abs(want).max())


@pytest.mark.parametrize("form", [plain_batch_norm, lean_batch_norm])
def test_statistics_are_the_batchs(form):
    _, mean, var = form(X, SCALE, BIAS, 0.0, jnp.float32, None)
    np.testing.assert_allclose(mean, X.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(var, X.var((0, 1, 2)), rtol=1e-5)


def test_in_bfloat16_the_gradients_are_right_to_its_rounding_and_float32_where_they_are_added_up():
    low = with_gradients(ours(0.2, jnp.bfloat16), X, SCALE, BIAS)
    assert [leaf.dtype for leaf in low] == [jnp.bfloat16, jnp.float32, jnp.float32, jnp.float32]
    for got, want in zip(low, with_gradients(ours(0.2), X, SCALE, BIAS), strict=True):
        assert np.linalg.norm(got.astype(np.float32) - want) < 0.01 * np.linalg.norm(want)


def test_what_is_kept_for_the_gradient_is_in_the_dtype_of_the_computation():
    _, vjp = jax.vjp(ours(0.0, jnp.bfloat16), X, SCALE, BIAS)
    assert [leaf.dtype for leaf in jax.tree.leaves(vjp) if leaf.size == X.size] == [jnp.bfloat16]


def test_over_devices_it_is_that_of_the_whole_batch():
    def on_each(x, gradient):
        y, vjp = jax.vjp(ours(0.2, axis_name="batch"), x, SCALE, BIAS)
        x_gradient, *others = vjp(gradient)
        return y, x_gradient, *lax.psum(others, "batch")

    halves = (array.reshape(2, 2, *array.shape[1:]) for array in (X, GRADIENT))
    got = jax.vmap(on_each, axis_name="batch", out_axes=(0, 0, None, None))(*halves)
    for ours_, want in zip(got, with_gradients(ours(0.2), X, SCALE, BIAS), strict=True):
        np.testing.assert_allclose(np.reshape(ours_, want.shape), want, rtol=0, atol=2e-5 * np.abs(want).max())
