"""Photographs of any size, brought to the size that crops are cut from."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_jax.data.sources.fitted import FittedSource, fit


def ramp(height: int, width: int) -> np.ndarray:
    """A photograph whose pixels tell where they are: red is the row, green the column."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(height)[:, None]
    pixels[..., 1] = np.arange(width)[None, :]
    return pixels


def test_reduction_is_that_of_the_whole_photograph():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (224, 280, 3), np.uint8)
    whole = Image.fromarray(photo).resize((140, 112), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(fit(photo, 96, 112), whole)


def test_photographs_too_small_for_a_crop_are_enlarged_to_it():
    fitted = fit(np.full((3, 5, 3), 77, np.uint8), 96, 112)
    assert fitted.shape == (96, 160, 3)
    assert (fitted == 77).all()


def test_photographs_between_crop_and_resize_are_left_as_they_are():
    for photo in (ramp(96, 96), ramp(100, 130), ramp(112, 140)):
        np.testing.assert_array_equal(fit(photo, 96, 112), photo)


def test_panoramas_lose_their_ends():
    photo = ramp(40, 200)
    np.testing.assert_array_equal(fit(photo, 32, 64), photo[:, 40:160])
    np.testing.assert_array_equal(fit(photo.swapaxes(0, 1), 32, 64), photo.swapaxes(0, 1)[40:160])
    # Resized as a whole, it would be 11 million pixels long.
    assert fit(np.zeros((1, 100_000, 3), np.uint8), 96, 112).shape == (96, 288, 3)


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    image_size=st.integers(1, 64),
    margin=st.sampled_from([0, 0, 1, 7, 32]),  # none: the crop is the whole shorter side
)
def test_a_crop_fits_into_any_photograph(height, width, image_size, margin):
    photo = np.full((height, width, 3), 90, np.uint8)
    fitted = fit(photo, image_size, image_size + margin)
    assert image_size <= min(fitted.shape[:2]) <= image_size + margin
    assert fitted.size <= FittedSource([photo], image_size, image_size + margin).max_values  # type: ignore[arg-type]
    assert fitted.dtype == np.uint8
    assert (fitted == 90).all()
