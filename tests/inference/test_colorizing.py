"""`colorize`: images and arrays of every kind."""

from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import TrainedGenerator, colorize, load_trained
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.gray import restored

PHOTOS = smooth_images(2, 40, seed=2)[:, :36]


@pytest.fixture(scope="module")
def generator(generator_file: Path) -> TrainedGenerator:
    return load_trained(generator_file)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays(generator, dtype, channels):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    unit = np.dstack([PHOTOS[0], PHOTOS[1, ..., 0]]) / 255
    chosen = {None: 0, 1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    photo = (unit[..., chosen] * white).astype(dtype)
    before = photo.copy()
    colored = colorize(photo, generator)
    np.testing.assert_array_equal(photo, before)
    transparent = channels in (2, 4)
    assert colored.shape == (36, 40, 4 if transparent else 3)
    assert colored.dtype == (np.float32 if white == 1 else dtype)
    if transparent:
        np.testing.assert_array_equal(colored[..., 3], photo[..., -1].astype(colored.dtype))
    luma = photo[..., :3] @ LUMA_WEIGHTS if (channels or 0) >= 3 else photo.reshape(36, 40, -1)[..., 0]
    assert np.abs(colored[..., :3] @ LUMA_WEIGHTS - luma).max() <= (1e-5 if white == 1 else 1.0)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_the_first_of_several_frames_is_coloured_and_a_note_says_so(generator, file_format, tmp_path):
    frames = [Image.fromarray(photo) for photo in PHOTOS]
    frames[0].save(tmp_path / "a.png", file_format, save_all=True, append_images=frames[1:])
    notes: list[str] = []
    gray = colorize_file(tmp_path / "a.png", Path("a.png"), generator, (tmp_path / "out").joinpath, notes.append)[1]
    assert np.abs(gray.luma - PHOTOS[0] @ LUMA_WEIGHTS).mean() < 8
    # In an MPO file, which telephones write, the others are previews.
    assert notes == ([] if file_format == "MPO" else ["the first of its 2 frames is taken"])


def test_generators_are_named_as_for_load_trained(generator, generator_file):
    for named, same in (("reference", load_trained("reference")), (str(generator_file), generator)):
        np.testing.assert_array_equal(colorize(PHOTOS[0], named), colorize(PHOTOS[0], same))
    with pytest.raises(UserError, match="there is no run or file"):
        colorize(PHOTOS[0], "nowhere")
    with pytest.raises(TypeError, match="not int"):
        colorize(PHOTOS[0], 5)


@pytest.mark.parametrize("white", [255, 65535, 1.0])
def test_levels_are_restored_at_the_depth_given(generator, white):
    unit = np.linspace(0, 1, 90 * 90).reshape(90, 90)
    dtype = np.float32 if white == 1.0 else np.uint8 if white == 255 else np.uint16
    sound, faded = ((white * levels).astype(dtype) for levels in (unit, 0.35 + 0.4 * unit))
    flat = (faded / 5).astype(dtype)
    for kept in (sound, flat):
        np.testing.assert_array_equal(restored(kept), kept)
    made = restored(faded)
    assert made.dtype == dtype
    assert len(np.unique(made)) == len(np.unique(faded))
    assert np.percentile(made[6:-6], (0.5, 99.5)) / white == pytest.approx((0.08, 0.87), abs=0.01)
    luma = colorize(faded, generator, restore=True) @ LUMA_WEIGHTS
    assert np.abs(luma - made).max() <= (1e-5 if white == 1.0 else 1.0)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 2, 5), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((2, 2), np.int64),
        np.full((2, 2), 1.5),
        np.full((2, 2), np.nan),
    ],
)
def test_arrays_that_are_no_photographs(generator, image):
    with pytest.raises(ValueError, match=r"^expected .*, got "):
        colorize(image, generator)
