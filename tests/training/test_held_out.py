import numpy as np
import pytest
from helpers import initial_state, load_config, smooth_images

from pix2pix_jax.inference import generate
from pix2pix_jax.state import build_model
from pix2pix_jax.training import held_out


@pytest.fixture(scope="module")
def model():
    return build_model(load_config("ycrcb_l1"), 10)


@pytest.fixture(scope="module")
def state():
    return initial_state()


def test_batches_change_nothing(model, state, monkeypatch):
    images = smooth_images(7, 32)
    whole = held_out.HeldOut(model, images).colorize(state)
    monkeypatch.setattr(generate, "_BATCH", 3)
    parts = held_out.HeldOut(model, images).colorize(state)
    assert whole.shape == images.shape
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_the_truth_is_perfect_and_stands_beside_the_gray_image(model):
    images = smooth_images(3, 32)
    record = held_out.HeldOut(model, images).judge(images / 255.0)
    assert record["eval/ciede2000"] == pytest.approx(0, abs=1e-6)
    assert record["eval/ssim"] == pytest.approx(1)
    assert record["eval/colorfulness"] == pytest.approx(record["eval/truth_colorfulness"])
    assert record["eval/gray_ciede2000"] > 1
    assert record["eval/gray_psnr"] < record["eval/psnr"]
    assert record["eval/gray_colorfulness"] == pytest.approx(0, abs=1e-4)
