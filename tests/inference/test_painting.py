"""Colour joined with a photograph's own luma: geometry, luma, windows, bands."""

from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pix2pix_jax.color import CB_RANGE, CR_RANGE, LUMA_WEIGHTS, RGB_TO_YCRCB
from pix2pix_jax.inference import TrainedGenerator, load_trained, painting
from pix2pix_jax.inference.gray import GrayPhoto


@pytest.fixture(scope="module")
def generator(generator_file: Path) -> TrainedGenerator:
    return load_trained(generator_file)


def paint(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    return np.concatenate([rgb for _, rgb in painting.painted_bands(luma, chroma)])


CHROMA = st.floats(-0.5, 0.5, width=32)
LUMA = smooth_images(1, 100)[0][:64, :, 0]


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (33, 32), (32, 32), (100, 64), (50, 41)])
def test_colour_is_made_at_the_generators_scale(generator, shape):
    chroma = painting.make_chroma(generator, np.resize(LUMA, shape))
    assert min(chroma.shape[:2]) == 32
    assert max(chroma.shape[:2]) == round(32 * min(max(shape) / min(shape), 16))
    assert chroma.dtype == np.float32
    assert np.abs(chroma).max() <= 0.5


@pytest.mark.parametrize("axis", [0, 1])
def test_windows_fade_into_each_other(generator, axis):
    """Two windows differ where they meet, and the blend goes from one to the other without a step."""

    def part(image: np.ndarray, start: int, stop: int) -> np.ndarray:
        return image.take(range(start, stop), axis)

    luma = np.resize(LUMA, (32, 48) if axis else (48, 32))
    first, last = generator.make_chroma(part(luma, 0, 32)), generator.make_chroma(part(luma, 16, 48))
    share = np.expand_dims((np.arange(16) + 1) / 17, (1 - axis, 2))
    blend = part(first, 16, 32) * (1 - share) + part(last, 0, 16) * share
    wanted = np.concatenate([part(first, 0, 16), blend, part(last, 16, 32)], axis)
    np.testing.assert_allclose(painting.make_chroma(generator, luma), wanted, atol=1e-5)


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=32)),
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(2)), elements=CHROMA),
)
def test_luma_is_kept_whatever_the_colour_and_depth(unit, chroma):
    for dtype, white, most in ((np.uint8, 255, 0.3), (np.uint16, 65535, 0.35), (np.float32, 1, 1e-5)):
        luma = (unit * white).astype(dtype)
        rgb = paint(luma, chroma)
        assert (rgb.shape, rgb.dtype) == ((*luma.shape, 3), dtype)
        assert 0 <= rgb.min() <= rgb.max() <= white
        assert np.abs(rgb @ LUMA_WEIGHTS - luma).max() <= most


def test_colours_in_gamut_are_as_made_and_others_keep_their_hue():
    luma = np.array([[128, 250]], np.uint8)
    chroma = np.full((1, 2, 2), (0.1, -0.1), np.float32)
    distance = (paint(luma, chroma).astype(float) - luma[..., None])[0]
    made = 255 * np.array([1.402 * 0.1, (0.299 * 1.402 - 0.114 * 1.772) * -0.1 / 0.587, 1.772 * -0.1])
    np.testing.assert_allclose(distance[0], made, atol=1.0)
    np.testing.assert_allclose(distance[1], made * 5 / made[0], atol=1.0)


def test_before_and_after_side_by_side_keep_their_transparency(generator):
    alpha = np.resize(np.arange(256, dtype=np.uint8), LUMA.shape)
    photo = GrayPhoto(LUMA, alpha, ())
    alone = painting.painted_image(generator, photo)
    both, width = np.asarray(painting.side_by_side(photo.image(), alone)), LUMA.shape[1]
    np.testing.assert_array_equal(both[:, :width], np.dstack([LUMA, LUMA, LUMA, alpha]))
    np.testing.assert_array_equal(both[:, width + 2 :], np.asarray(alone))
    assert (both[:, width : width + 2, -1] == 0).all()


def test_reduction_is_that_of_training_photographs(generator, monkeypatch):
    from pix2pix_jax.data.sources.fitted import fit

    seen = []
    monkeypatch.setattr(
        TrainedGenerator, "make_chroma", lambda self, luma, *_: seen.append(luma) or np.zeros((32, 32, 2), np.float32)
    )
    photo = np.asarray(Image.fromarray(LUMA).resize((130, 130), Image.Resampling.BICUBIC))
    painting.make_chroma(generator, photo)
    wanted = fit(np.repeat(photo[..., None], 3, -1), 32, 32)[..., 0]
    np.testing.assert_allclose(seen[0].astype(int), wanted, atol=1)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])  # 8 bits would round as much away
def test_colour_follows_an_edge_of_a_large_photograph(dtype):
    """Dark red beside bright blue, the colours known at a tenth of the size."""
    side, factor = 320, 10
    bright = (np.add.outer(np.arange(side), np.arange(side)) > side - 0.5).astype(np.float32)
    luma = 0.25 + 0.4 * bright
    chroma = np.stack([0.1 - 0.2 * bright, -0.1 + 0.2 * bright], -1)
    small = chroma.reshape(side // factor, factor, side // factor, factor, 2).mean((1, 3))
    white = np.iinfo(dtype).max if dtype != np.float32 else 1.0
    given = (luma * white).astype(dtype)
    rgb = np.concatenate([rows for _, rows in painting.painted_bands(given, small)]) / white
    made = np.stack([(rgb[..., 0] - luma) / CR_RANGE, (rgb[..., 2] - luma) / CB_RANGE], -1)
    planes = [Image.fromarray(np.ascontiguousarray(small[..., channel])) for channel in range(2)]
    enlarged = np.stack([plane.resize((side, side), Image.Resampling.BICUBIC) for plane in planes], -1)
    assert np.abs(made - chroma).mean() < 0.75 * np.abs(enlarged - chroma).mean()


@pytest.mark.parametrize("size", [(30, 40), (300, 201), (7, 9), (1, 700), (2000, 3)])
def test_chroma_is_enlarged_as_by_pillow(size):
    random = np.random.default_rng(0)
    small = tuple(max(1, round(side / 3.5)) if max(size) > 50 else 90 for side in size)
    chroma = random.uniform(-0.1, 0.1, (*small, 2)).astype(np.float32)
    luma = np.full(size, 0.5, np.float32)
    made = paint(luma, chroma)
    planes = [Image.fromarray(np.ascontiguousarray(chroma[..., plane])) for plane in (0, 1)]
    wanted = [np.asarray(plane.resize(size[::-1], Image.Resampling.BICUBIC)) for plane in planes]
    np.testing.assert_allclose(made @ RGB_TO_YCRCB.T, np.stack([luma, *wanted], -1), atol=1e-5)
