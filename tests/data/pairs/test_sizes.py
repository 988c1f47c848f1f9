"""Resizing as the authors' code does."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_jax.data.pairs.sizes import Preprocess, resized
from pix2pix_jax.errors import UserError

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("way", "size", "wanted", "judged"),
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
def test_sizes(way: str, size: tuple[int, int], wanted: tuple[int, int], judged: tuple[int, int]) -> None:
    preprocess = Preprocess(way, 286, 256)  # type: ignore[arg-type]
    assert preprocess.size(*size) == wanted
    assert preprocess.for_judging().size(*size) == judged


def test_a_crop_must_fit() -> None:
    for way in ("resize_and_crop", "scale_width_and_crop"):
        with pytest.raises(UserError, match=r"data.resize=200 is less than image_size=256"):
            Preprocess(way, 200, 256).check()  # type: ignore[arg-type]
    for way in ("crop", "scale_width", "none"):
        Preprocess(way, 200, 256).check()  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(20, 30), (9, 50), (40, 40)])
@pytest.mark.parametrize("nearest", [False, True])
def test_eight_bits_are_resized_as_pillow_does(size: tuple[int, int], nearest: bool) -> None:
    image = RANDOM.integers(0, 256, (31, 47, 3), np.uint8)
    sampling = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    wanted = np.asarray(Image.fromarray(image).resize(size[::-1], sampling))
    np.testing.assert_array_equal(resized(image, size, nearest=nearest), wanted)
    for channels in (1, 2, 4, 6):
        many = np.concatenate([image, image], -1)[..., :channels]
        np.testing.assert_array_equal(
            resized(many, size, nearest=nearest), np.concatenate([wanted, wanted], -1)[..., :channels]
        )


def test_sixteen_bits_keep_their_lower_bits() -> None:
    levels = np.linspace(30_000, 30_200, 64).astype(np.uint16)  # within one step of 8 bits
    image = np.broadcast_to(levels[None, :, None], (64, 64, 1))
    made = resized(image, (32, 32), nearest=False)
    assert made.dtype == np.uint16
    assert len(np.unique(made)) > 30
    np.testing.assert_allclose(made[0, 2:-2, 0], image[0].reshape(32, 2).mean(1)[2:-2], atol=1)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_the_range_is_kept_at_edges(dtype: type, top: int) -> None:
    image = np.zeros((16, 16, 1), dtype)
    image[:, 8:] = top
    made = resized(image, (37, 37), nearest=False)
    assert made.dtype == dtype
    assert made.min() == 0
    assert made.max() == top


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_nearest_makes_no_new_values(dtype: type) -> None:
    image = (RANDOM.integers(0, 5, (40, 40, 1)) / (4 if dtype == np.float32 else 1)).astype(dtype)
    for size in ((13, 29), (97, 55)):
        made = resized(image, size, nearest=True)
        assert set(np.unique(made)) <= set(np.unique(image))
