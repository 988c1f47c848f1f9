import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pix2pix_jax import color


@pytest.mark.parametrize(
    ("rgb", "ycrcb"),
    [
        # In [-1, 1]: Y = 2 (0.299 R + 0.587 G + 0.114 B) - 1, Cr = 2 (R - Y) / 1.402, Cb = 2 (B - Y) / 1.772.
        ((1, 1, 1), (1, 0, 0)),
        ((-1, -1, -1), (-1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, -1, -1), (2 * 0.299 - 1, 1, 2 * -0.299 / 1.772)),
        ((-1, 1, -1), (2 * 0.587 - 1, 2 * -0.587 / 1.402, 2 * -0.587 / 1.772)),
        ((-1, -1, 1), (2 * 0.114 - 1, 2 * -0.114 / 1.402, 1)),
    ],
)
def test_known_colors(rgb, ycrcb):
    np.testing.assert_allclose(color.rgb_to_ycrcb(jnp.array(rgb, jnp.float32)), ycrcb, atol=1e-6)
    np.testing.assert_allclose(color.ycrcb_to_rgb(jnp.array(ycrcb, jnp.float32)), rgb, atol=1e-6)


@settings(deadline=None)
@given(hnp.arrays(np.float32, (2, 3, 5, 3), elements=st.floats(-1, 1, width=32)))
def test_round_trip_within_1e_6(rgb):
    there = color.rgb_to_ycrcb(jnp.asarray(rgb))
    np.testing.assert_allclose(color.ycrcb_to_rgb(there), rgb, rtol=0, atol=1e-6)
    assert np.abs(there).max() <= 1 + 1e-6


def test_uint8_covers_the_whole_range():
    levels = jnp.arange(256, dtype=jnp.uint8)
    scaled = color.from_pixels(levels)
    assert scaled.dtype == jnp.float32
    assert (float(scaled[0]), float(scaled[-1])) == (-1.0, 1.0)
    np.testing.assert_array_equal(np.rint(255 * color.to_unit(scaled)), levels)


def test_gray_on_the_host_is_the_luma_of_the_device():
    rgb = np.random.RandomState(0).randint(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    luma = color.to_unit(color.rgb_to_ycrcb(color.from_pixels(jnp.asarray(rgb)))[..., :1])
    np.testing.assert_allclose(color.to_gray(rgb / 255.0), luma, atol=1e-6)


def test_lab_is_scikit_images_scaled_as_the_authors_do():
    from skimage.color import rgb2lab

    rgb = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    rgb[0] = np.linspace(0, 0.05, 8)[:, None]  # where both curves are linear
    lab = np.asarray(color.rgb_to_lab(jnp.asarray(2 * rgb - 1)))
    wanted = rgb2lab(rgb.astype(np.float64)) / [50, 110, 110] - [1, 0, 0]
    np.testing.assert_allclose(lab, wanted, atol=2e-5)


def test_lab_and_back():
    rgb = jnp.asarray(2 * np.random.default_rng(1).random((64, 3)).astype(np.float32) - 1)
    np.testing.assert_allclose(color.lab_to_rgb(color.rgb_to_lab(rgb)), rgb, atol=1e-4)


def test_colours_that_do_not_exist_are_clipped():
    rgb = color.lab_to_rgb(jnp.array([[0.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]))
    assert float(jnp.abs(rgb).max()) <= 1.0
