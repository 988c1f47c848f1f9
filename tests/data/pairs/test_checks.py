"""What all pairs of a set must have in common: values, channels, sizes."""

import numpy as np
import pytest
from helpers import save_image
from pair_folders import SIZE, levels, opened, pixels, save_pairs

from pix2pix_jax.errors import UserError


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def test_the_deepest_file_decides_for_the_whole_set(root):
    save_pairs(root, 4)
    save_image(root / "B" / "deep.png", pixels(1000, 3, np.uint16))
    save_image(root / "A" / "deep.png", pixels(7))
    train, held_out = opened(root)
    assert train.dtype == held_out.dtype == np.uint16
    assert [7 * 257] * 3 + [1000] * 3 in levels(train) + levels(held_out)
    save_image(root / "A" / "float.npy", pixels(3, 3, np.float32))
    save_image(root / "B" / "float.png", pixels(51))
    train, held_out = opened(root, data__float_min=-1.0, data__float_max=7.0)
    assert train.dtype == held_out.dtype == np.float32
    pairs = levels(train) + levels(held_out)
    assert np.float32([0.5] * 3 + [0.2] * 3).tolist() in pairs
    assert any(np.allclose(pair, [7 / 255] * 3 + [1000 / 65535] * 3) for pair in pairs)


@pytest.mark.parametrize(("value", "named"), [(1.5, "0 to 1.5"), (-2.0, "-2 to 0"), (np.nan, "nan to nan")])
def test_floats_outside_the_range(root, value, named):
    image = pixels(0, 1, np.float32)
    image[0, 0] = value
    for i in range(2):
        save_image(root / "A" / f"{i}.tif", image)
        save_image(root / "B" / f"{i}.png", pixels(0))
    train, _ = opened(root, task__input_channels=1)
    with pytest.raises(UserError, match=rf"\d.tif .*{named}.*data.float_min=0 .*data.float_max=1"):
        train[0]
    with pytest.raises(UserError, match=r"float_min=1.0 .*float_max=1.0"):
        opened(root, task__input_channels=1, data__float_min=1.0)


@pytest.mark.parametrize(
    ("image", "asked", "named"),
    [
        (pixels(9, 5), 3, "5 channels of 8 bits"),
        (pixels(9, 1, np.uint16), 3, "1 channel of 16 bits"),
        (pixels(1, 4, np.float32), 3, "4 channels of floating point"),
        (pixels(9, 3), 4, "3 channels of 8 bits"),
    ],
)
@pytest.mark.parametrize(("direction", "key"), [("AtoB", "input_channels"), ("BtoA", "output_channels")])
def test_other_channels_are_refused_by_name(root, image, asked, named, direction, key):
    for i in range(2):
        save_image(root / "A" / f"{i}.tif", image)
        save_image(root / "B" / f"{i}.png", pixels(0))
    wanted = rf"A/0.tif has {named}.*config.task.{key}={asked}.*--config.task.{key}={named[0]}$"
    with pytest.raises(UserError, match=wanted):
        opened(root, data__direction=direction, **{f"task__{key}": asked})


@pytest.mark.parametrize(
    ("size", "other", "preprocess", "message"),
    [
        (SIZE[::-1], SIZE, "none", r"A/1.bmp is 12×14 .*B/1.bmp is 14×12 .* one size"),
        ((15, *SIZE), SIZE, "none", r"A/1.npy is 12×15 pixels of 14 channels.*B/1.bmp is 14×12"),
        ((30, 5), (30, 5), "crop", r"A/1.bmp: .*5×30 pixels, smaller than image_size=8.*=resize_and_crop"),
        ((40, 14), (40, 14), "scale_width", r"A/1.bmp .*A/0.png .*data.preprocess=scale_width .*one size"),
        ((40, 14), (40, 14), "none", r"A/1.bmp .*A/0.png .*data.preprocess=none .*one size"),
    ],
)
def test_sizes_that_cannot_be_used(root, size, other, preprocess, message):
    save_pairs(root, 1)
    save_image(root / "A" / f"1.{'npy' if len(size) == 3 else 'bmp'}", np.zeros(size, np.uint8))
    save_image(root / "B" / "1.bmp", pixels(1, size=other))
    with pytest.raises(UserError, match=message):
        opened(root, data__preprocess=preprocess, task__input_channels=1)


def test_interpolation_is_chosen_for_each_side(root):
    stripes = np.zeros((20, 20, 3), np.uint8)
    stripes[:, ::3] = 200
    for i in range(2):
        save_image(root / "A" / f"{i}.png", stripes)
        save_image(root / "B" / f"{i}.png", stripes)
    for side, nearest, other in (("input", slice(3), slice(3, 6)), ("output", slice(3, 6), slice(3))):
        pair = opened(root, **{f"data__{side}_interpolation": "nearest"})[0][0]
        assert set(np.unique(pair[..., nearest])) == {0, 200}
        assert len(np.unique(pair[..., other])) > 2
