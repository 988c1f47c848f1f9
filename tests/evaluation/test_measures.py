import json
import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_jax.evaluation import measures

KEYS = {"psnr", "ssim", "ciede2000", "colorfulness"}


def random_images(seed: int, count: int = 3, size: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def constant_image(red: float, green: float, blue: float) -> np.ndarray:
    return np.broadcast_to(np.array([red, green, blue], np.float32), (1, 8, 8, 3))


def test_psnr_of_a_known_error():
    truth = np.full((2, 8, 8, 3), 0.5)
    predicted = truth.copy()
    predicted[0] += 0.1  # mean squared error 0.01
    predicted[1, :, :, 0] -= 0.3  # mean squared error 0.09 / 3
    np.testing.assert_allclose(measures.psnr(predicted, truth), [20.0, -10 * math.log10(0.03)], atol=1e-4)


def test_psnr_and_ssim_equal_scikit_image_per_image():
    truth, predicted = random_images(0), random_images(1)
    expected_psnr = [peak_signal_noise_ratio(t, p) for t, p in zip(truth, predicted, strict=True)]
    expected_ssim = [structural_similarity(t, p, channel_axis=-1) for t, p in zip(truth, predicted, strict=True)]
    np.testing.assert_allclose(measures.psnr(predicted, truth), expected_psnr, atol=1e-4)
    np.testing.assert_allclose(measures.ssim(predicted, truth), expected_ssim, atol=1e-4)


def test_equal_images_are_perfect_and_fit_in_json():
    images = random_images(2)
    scores = measures.evaluate_images(images, images)
    assert scores["psnr"] == pytest.approx(measures.PSNR_CAP_DB)
    assert scores["ssim"] == pytest.approx(1.0)
    assert scores["ciede2000"] == 0.0
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_ciede2000_of_known_colors():
    # White against black differs in lightness alone: ΔL = 100, S_L at L = 50 is 1.
    black_white = measures.ciede2000(constant_image(0, 0, 0), constant_image(1, 1, 1))
    np.testing.assert_allclose(black_white, 100.0, atol=1e-2)
    # sRGB red against green, by the published formula.
    red_green = measures.ciede2000(constant_image(0, 1, 0), constant_image(1, 0, 0))
    np.testing.assert_allclose(red_green, 86.6, atol=0.1)


def test_colorfulness_of_gray_is_zero_and_of_one_color_is_its_offset():
    gray = np.repeat(random_images(3)[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(measures.colorfulness(gray), 0.0)
    # Pure red: rg = 255, yb = 127.5, no spread.
    expected = 0.3 * math.hypot(255.0, 127.5)
    np.testing.assert_allclose(measures.colorfulness(constant_image(1, 0, 0)), expected, rtol=1e-6)


def test_colorfulness_of_two_pixels_by_hand():
    # rg = 100 and -20, yb = 60 and -30: means 40 and 15, deviations 60 and 45.
    pixels = np.array([[[[110, 10, 0], [0, 20, 40]]]], np.uint8)
    expected = math.hypot(60.0, 45.0) + 0.3 * math.hypot(40.0, 15.0)
    np.testing.assert_allclose(measures.colorfulness(pixels), [expected], rtol=1e-5)


def test_uint8_and_floating_point_agree():
    truth, predicted = random_images(4), random_images(5)
    from_bytes = measures.evaluate_images(predicted, truth)
    from_floats = measures.evaluate_images(predicted / 255.0, truth.astype(np.float32) / 255)
    assert from_bytes.keys() == KEYS
    for key, value in from_bytes.items():
        assert from_floats[key] == pytest.approx(value, rel=1e-5), key


def test_means_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch):
    truth, predicted = random_images(6, count=5), random_images(7, count=5)
    whole = measures.evaluate_images(predicted, truth)
    monkeypatch.setattr(measures, "_CHUNK_PIXELS", 2 * 16 * 16)
    assert measures.evaluate_images(predicted, truth) == pytest.approx(whole, rel=1e-6)
    expected = measures.colorfulness(truth).mean()
    assert measures.mean_colorfulness(truth) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("color", "luma"), [((1, 0, 0), 0.299), ((0, 1, 0), 0.587), ((0, 0, 1), 0.114)])
def test_gray_baseline_is_the_luma_of_bt601(color: tuple[int, int, int], luma: float):
    baseline = measures.gray_baseline(constant_image(*color))
    squared_error = ((1 - luma) ** 2 + 2 * luma**2) / 3
    assert baseline["psnr"] == pytest.approx(-10 * math.log10(squared_error), abs=1e-4)


def test_gray_baseline_has_every_measure_of_the_gray_image():
    truth = random_images(8)
    luma = np.round(truth @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    gray = np.repeat(luma[..., None], 3, axis=-1)
    baseline = measures.gray_baseline(truth)
    assert baseline == pytest.approx(measures.evaluate_images(gray, truth), rel=2e-3)
    assert baseline["colorfulness"] == 0.0


def test_gray_baseline_of_white_stays_in_range():
    assert measures.gray_baseline(constant_image(1, 1, 1))["psnr"] > 90.0


def test_shapes_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r"\[3, 16, 16, 3\].*\[2, 16, 16, 3\]"):
        measures.evaluate_images(random_images(0), random_images(0, count=2))


@pytest.mark.parametrize("shape", [(16, 16, 3), (1, 16, 16, 1), (0, 16, 16, 3)])
def test_what_is_not_a_stack_of_rgb_images_is_an_error(shape: tuple[int, ...]):
    images = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match=r"\[N, H, W, 3\]"):
        measures.evaluate_images(images, images)
    with pytest.raises(ValueError, match=r"\[N, H, W, 3\]"):
        measures.mean_colorfulness(images)


@pytest.mark.parametrize("value", [-1.0, 255.0, math.nan])
def test_floats_out_of_range_are_an_error(value: float):
    truth = constant_image(0, 0, 0)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        measures.evaluate_images(np.full_like(truth, value), truth)


def test_integers_other_than_uint8_are_an_error():
    images = np.zeros((1, 8, 8, 3), np.int64)
    with pytest.raises(ValueError, match="int64"):
        measures.colorfulness(images)
