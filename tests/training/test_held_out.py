import jax
import numpy as np
import pytest
from helpers import initial_state, load_config, smooth_images
from PIL import Image

from pix2pix_jax.config import default_config, updated
from pix2pix_jax.inference import generator
from pix2pix_jax.state import build_model
from pix2pix_jax.training.held_out import HeldOut

PAIRS = updated(
    default_config(),
    {
        "task.kind": "translation",
        "task.input_channels": 1,
        "generator.network": "unet",
        "generator.depth": 2,
        "generator.width": 4,
        "discriminator.network": "patchgan",
    },
)


@pytest.fixture(scope="module")
def config():
    return load_config("ycrcb_l1")


def test_batches_change_nothing(config, monkeypatch):
    images = smooth_images(7, 32)
    whole = HeldOut(config, images).make(initial_state())
    monkeypatch.setattr(generator, "_BATCH", 3)
    parts = HeldOut(config, images).make(initial_state())
    assert whole.shape == images.shape
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_the_truth_is_perfect_and_stands_beside_the_gray_image(config):
    images = smooth_images(3, 32)
    record = HeldOut(config, images).evaluate(images / 255.0)
    assert record["eval/ciede2000"] == pytest.approx(0, abs=1e-6)
    assert record["eval/ssim"] == pytest.approx(1)
    assert record["eval/colorfulness"] == pytest.approx(record["eval/truth_colorfulness"])
    assert record["eval/gray_ciede2000"] > 1
    assert record["eval/gray_psnr"] < record["eval/psnr"]
    assert record["eval/gray_colorfulness"] == pytest.approx(0, abs=1e-4)
    assert 0 < record["eval/tint_ciede2000"] < record["eval/gray_ciede2000"]


@pytest.fixture(scope="module")
def pairs():
    images = smooth_images(3, 16)
    return np.concatenate([images[..., :1], images], -1)


def test_pairs_are_evaluated_by_their_truth_beside_its_mean_colour(pairs, tmp_path):
    held_out = HeldOut(PAIRS, pairs)
    truth = pairs[..., 1:] / 255.0
    record = held_out.evaluate(truth.astype(np.float32))
    assert record["eval/l1"] == pytest.approx(0, abs=1e-6)
    assert record["eval/ssim"] == pytest.approx(1, abs=1e-6)
    mean = np.abs(truth - truth.mean((0, 1, 2))).mean()
    assert record["eval/mean_l1"] == pytest.approx(mean, rel=1e-4)
    assert record["eval/mean_ssim"] < 0.9
    given = np.abs(truth - pairs[..., :1] / 255.0).mean()
    assert record["eval/input_l1"] == pytest.approx(given, rel=1e-4)
    held_out.draw(tmp_path / "sheet.png", truth, "a title")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 100


@pytest.mark.parametrize("test_time", ["running", "batch", "batch+dropout"])
def test_what_is_made_of_a_pair_does_not_depend_on_the_others_nor_on_its_truth(pairs, test_time):
    config = updated(PAIRS, {"test_time": test_time})
    state = build_model(config, 1).init_compiled(jax.random.key(0))
    whole = HeldOut(config, pairs).make(state)
    np.testing.assert_array_equal(whole, HeldOut(config, pairs).make(state))
    alone = HeldOut(config, np.concatenate([pairs[:1, ..., :1], 255 - pairs[:1, ..., 1:]], -1)).make(state)
    np.testing.assert_allclose(alone, whole[:1], atol=1e-5)
