"""Resizing as the authors' code does."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_jax.data.pairs.sizes import Preprocess, resized

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("way", "size", "wanted", "evaluated"),
    [
        ("resize_and_crop", (400, 600), (286, 286), (256, 256)),
        ("crop", (400, 600), (400, 600), (400, 600)),
        ("scale_width", (600, 400), (429, 286), (429, 286)),
        ("scale_width", (400, 600), (256, 286), (256, 286)),  # at least as high as image_size, as in the authors' code
        ("scale_width_and_crop", (601, 400), (429, 286), (384, 256)),
        ("scale_width_and_crop", (10, 400), (256, 286), (256, 256)),
        ("none", (401, 600), (401, 600), (401, 600)),
    ],
)
def test_sizes(way, size, wanted, evaluated):
    preprocess = Preprocess(way, 286, 256)  # type: ignore[arg-type]
    assert preprocess.size(*size) == wanted
    assert preprocess.for_evaluation().size(*size) == evaluated


@pytest.mark.parametrize("size", [(20, 30), (9, 50), (40, 40)])
@pytest.mark.parametrize("nearest", [False, True])
def test_eight_bits_are_resized_as_pillow_does(size, nearest):
    image = RANDOM.integers(0, 256, (31, 47, 3), np.uint8)
    sampling = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    wanted = np.asarray(Image.fromarray(image).resize(size[::-1], sampling))
    np.testing.assert_array_equal(resized(image, size, nearest=nearest), wanted)
    for channels in (1, 2, 4, 6):
        many = np.concatenate([image, image], -1)[..., :channels]
        np.testing.assert_array_equal(
            resized(many, size, nearest=nearest), np.concatenate([wanted, wanted], -1)[..., :channels]
        )


def test_sixteen_bits_keep_their_lower_bits():
    levels = np.linspace(30_000, 30_200, 64).astype(np.uint16)  # within one step of 8 bits
    image = np.broadcast_to(levels[None, :, None], (64, 64, 1))
    made = resized(image, (32, 32), nearest=False)
    assert made.dtype == np.uint16
    assert len(np.unique(made)) > 30
    np.testing.assert_allclose(made[0, 2:-2, 0], image[0].reshape(32, 2).mean(1)[2:-2], atol=1)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_at_edges_the_range_is_kept(dtype, top):
    image = np.zeros((16, 16, 1), dtype)
    image[:, 8:] = top
    for nearest in (False, True):
        made = resized(image, (37, 37), nearest=nearest)
        assert made.dtype == dtype
        assert (made.min(), made.max()) == (0, top)
        assert (len(np.unique(made)) == 2) == nearest  # which makes no new values
