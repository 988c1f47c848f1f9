"""Resize, crop and mirror."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_jax.data.transforms import center_crop, check_sizes, fit, max_pixels
from pix2pix_jax.errors import UserError


def ramp(height: int, width: int) -> np.ndarray:
    """A photograph whose pixels tell where they are: red is the row, green the column."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(height)[:, None]
    pixels[..., 1] = np.arange(width)[None, :]
    return pixels


def test_center_crop_of_a_photograph_of_the_right_size_is_not_resampled() -> None:
    photo = ramp(112, 140)
    np.testing.assert_array_equal(center_crop(photo, 96, 112), photo[8:104, 22:118])


def test_reduction_is_that_of_the_whole_photograph() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (224, 280, 3), np.uint8)
    whole = Image.fromarray(photo).resize((140, 112), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(center_crop(photo, 96, 112), np.asarray(whole)[8:104, 22:118])


def test_reduction_is_antialiased() -> None:
    stripes = np.zeros((448, 448, 3), np.uint8)
    stripes[:, ::2] = 255
    middle = center_crop(stripes, 96, 112).astype(int)
    assert abs(middle - 127).max() <= 2


def test_photographs_too_small_for_a_crop_are_enlarged_to_it() -> None:
    fitted = fit(np.full((3, 5, 3), 77, np.uint8), 96, 112)
    assert fitted.shape == (96, 160, 3)
    assert (fitted == 77).all()


def test_photographs_between_crop_and_resize_are_left_as_they_are() -> None:
    photo = ramp(100, 130)
    np.testing.assert_array_equal(fit(photo, 96, 112), photo)


def test_panoramas_lose_their_ends() -> None:
    photo = ramp(40, 200)
    np.testing.assert_array_equal(fit(photo, 32, 64), photo[:, 40:160])
    np.testing.assert_array_equal(fit(photo.swapaxes(0, 1), 32, 64), photo.swapaxes(0, 1)[40:160])
    # Resized as a whole, it would be 11 million pixels long.
    assert fit(np.zeros((1, 100_000, 3), np.uint8), 96, 112).shape == (96, 288, 3)


def test_enlargement_keeps_the_scene_in_place() -> None:
    photo = np.zeros((28, 28, 3), np.uint8)
    photo[:, 14:] = 255
    crop = center_crop(photo, 96, 112)
    assert crop[:, :44].max() == 0
    assert crop[:, 52:].min() == 255


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    image_size=st.integers(1, 64),
    margin=st.sampled_from([0, 0, 1, 7, 32]),  # none: the crop is the whole shorter side
)
def test_any_photograph_gives_a_square(height: int, width: int, image_size: int, margin: int) -> None:
    photo = np.full((height, width, 3), 90, np.uint8)
    fitted = fit(photo, image_size, image_size + margin)
    assert image_size <= min(fitted.shape[:2]) <= image_size + margin
    assert fitted.shape[0] * fitted.shape[1] <= max_pixels(image_size + margin)
    crop = center_crop(photo, image_size, image_size + margin)
    assert crop.shape == (image_size, image_size, 3)
    assert crop.dtype == np.uint8
    assert (crop == 90).all()


def test_sizes_of_which_no_crop_fits() -> None:
    with pytest.raises(UserError, match=r"data.resize=64 .* image_size=96.*--config.data.resize=96"):
        check_sizes(96, 64)
    with pytest.raises(UserError, match="image_size=0"):
        check_sizes(0, 64)
