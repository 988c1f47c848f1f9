"""What the plain operations are, said once more with NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.ops import plain


def random(*shape):
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 1, 1), (4, 2, 1), (4, 1, 1), (3, 2, 1), (3, 1, 0), (7, 1, 0)]
)
def test_convolution_is_a_product_of_each_window_and_the_kernel(size, stride, padding):
    x, kernel = random(2, 8, 9, 3), random(size, size, 3, 2)
    height, width = ((length + 2 * padding - size) // stride + 1 for length in (8, 9))
    padded, wanted = np.pad(x, ((0, 0), *[(padding, padding)] * 2, (0, 0))), np.zeros((2, height, width, 2))
    for row, column in np.ndindex(height, width):
        seen = padded[:, stride * row : stride * row + size, stride * column : stride * column + size]
        wanted[:, row, column] = np.einsum("brci,rcio->bo", seen, kernel)
    np.testing.assert_allclose(plain.conv2d(x, kernel, stride, padding), wanted, atol=1e-4)


@pytest.mark.parametrize("size", [3, 4])
def test_transposed_convolution_adds_each_pixel_to_those_around_it(size):
    x, kernel = random(2, 3, 4, 3), random(size, size, 2, 3)
    wanted = np.zeros((2, 6 + 2, 8 + 2, 2))  # with a margin of a pixel on each side
    for row, column in np.ndindex(3, 4):
        made = np.einsum("bi,rcoi->brco", x[:, row, column], kernel)
        wanted[:, 2 * row : 2 * row + size, 2 * column : 2 * column + size] += made
    np.testing.assert_allclose(plain.conv_transpose2d(x, kernel), wanted[:, 1:-1, 1:-1], atol=1e-5)


def test_convolution_of_bfloat16_gives_float32():
    y = plain.conv2d(jnp.asarray(random(1, 4, 4, 3), jnp.bfloat16), random(3, 3, 3, 2))
    assert y.dtype == jnp.float32


def test_upsampling_repeats_every_pixel():
    x = random(2, 3, 4, 5)
    np.testing.assert_array_equal(plain.upsample(x, 2), np.kron(x, np.ones((1, 2, 2, 1))))


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_takes_the_mean_of_each_tile(factor):
    x = random(2, 8, 12, 3)
    pooled = plain.avg_pool(x, factor)
    assert pooled.shape == (2, 8 // factor, 12 // factor, 3)
    tile = x[1, factor : 2 * factor, 2 * factor : 3 * factor]
    np.testing.assert_allclose(pooled[1, 1, 2], tile.mean((0, 1)), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 4])
def test_avg_pool_spreads_its_gradient_evenly(factor):
    gradient = random(2, 8 // factor, 12 // factor, 3)
    _, vjp = jax.vjp(lambda x: plain.avg_pool(x, factor), random(2, 8, 12, 3))
    np.testing.assert_allclose(vjp(gradient)[0], gradient.repeat(factor, 1).repeat(factor, 2) / factor**2, rtol=1e-6)
