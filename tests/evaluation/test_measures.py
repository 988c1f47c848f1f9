import json
import math

import numpy as np
import pytest
from helpers import smooth_images
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.measures import PAIR_MEASURES, PHOTOGRAPH_MEASURES, measure_each


def random_images(seed: int, count: int = 3, size: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def constant_image(red: float, green: float, blue: float) -> np.ndarray:
    return np.broadcast_to(np.array([red, green, blue], np.float32), (1, 8, 8, 3))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_measures_of_any_number_of_channels_are_those_of_scikit_image(channels):
    predicted, truth = np.random.default_rng(channels).random((2, 3, 12, 9, channels), np.float32)
    merits = measure_each(predicted, truth, PAIR_MEASURES)
    assert set(merits) == {"l1", "psnr", "ssim"}
    for place, (a, b) in enumerate(zip(predicted, truth, strict=True)):
        assert merits["l1"][place] == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
        assert merits["psnr"][place] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0), rel=1e-5)
        ssim = structural_similarity(a, b, channel_axis=-1, data_range=1.0)
        assert merits["ssim"][place] == pytest.approx(ssim, rel=1e-5)


def test_equal_images_are_perfect_and_fit_in_json():
    images = random_images(2)
    merits = measures.average(measure_each(images, images, ["l1", *PHOTOGRAPH_MEASURES]))
    colorfulness = merits.pop("colorfulness")
    assert merits == pytest.approx({"l1": 0.0, "psnr": measures.PSNR_CAP_DB, "ssim": 1.0, "ciede2000": 0.0})
    assert colorfulness > 0
    assert json.loads(json.dumps(merits, allow_nan=False)) == merits


def test_ciede2000_of_known_colors():
    # White against black differs in lightness alone: ΔL = 100, S_L at L = 50 is 1.
    black_white = measures.ciede2000(constant_image(0, 0, 0), constant_image(1, 1, 1))
    np.testing.assert_allclose(black_white, 100.0, atol=1e-2)
    # sRGB red against green, by the published formula.
    red_green = measures.ciede2000(constant_image(0, 1, 0), constant_image(1, 0, 0))
    np.testing.assert_allclose(red_green, 86.6, atol=0.1)


def test_colorfulness_by_hand():
    np.testing.assert_array_equal(measures.colorfulness(random_images(3)[..., :1].repeat(3, -1)), 0.0)
    # Pure red: rg = 255, yb = 127.5, no spread.
    expected = 0.3 * math.hypot(255.0, 127.5)
    np.testing.assert_allclose(measures.colorfulness(constant_image(1, 0, 0)), expected, rtol=1e-6)
    # rg = 100 and -20, yb = 60 and -30: means 40 and 15, deviations 60 and 45.
    pixels = np.array([[[[110, 10, 0], [0, 20, 40]]]], np.uint8)
    expected = math.hypot(60.0, 45.0) + 0.3 * math.hypot(40.0, 15.0)
    np.testing.assert_allclose(measures.colorfulness(pixels), [expected], rtol=1e-5)


def test_neither_depth_nor_chunks_matter(monkeypatch: pytest.MonkeyPatch):
    truth, predicted = random_images(6, count=5), random_images(7, count=5)
    wanted = measure_each(predicted, truth, PHOTOGRAPH_MEASURES)
    monkeypatch.setattr(measures, "_CHUNK_PIXELS", 2 * 16 * 16)
    found = measure_each(predicted / np.float32(255), truth.astype(np.uint16) * 257, PHOTOGRAPH_MEASURES)
    assert found.keys() == set(PHOTOGRAPH_MEASURES)
    for name, values in found.items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-4)


def test_the_grey_image_is_the_luma_of_bt601():
    primaries = np.eye(3, dtype=np.float32)[None, None]
    luma = np.repeat([[0.299], [0.587], [0.114]], 3, axis=1)
    np.testing.assert_allclose(measures.gray_images(primaries.reshape(1, 1, 3, 3))[0, 0], luma, rtol=1e-6)


def test_images_smaller_than_the_window_have_no_ssim():
    images = np.zeros((2, 6, 40, 1), np.float32)
    merits = measure_each(images + 1.0, images, PAIR_MEASURES)
    assert set(merits) == {"l1", "psnr"}
    np.testing.assert_array_equal(merits["l1"], [1.0, 1.0])


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        (random_images(0), random_images(0, count=2), r"\[3, 16, 16, 3\].*\[2, 16, 16, 3\]"),
        (*[np.zeros((16, 16, 3), np.uint8)] * 2, r"\[N, H, W, channels\]"),
        (*[np.zeros((0, 16, 16, 3), np.uint8)] * 2, r"\[N, H, W, channels\]"),
        (*[np.zeros((1, 16, 16, 1), np.uint8)] * 2, r"\[N, H, W, 3\]"),
        (*[np.zeros((1, 16, 16, 3), np.int64)] * 2, "int64"),
        *((np.full((1, 16, 16, 3), value), random_images(0, 1), r"\[0, 1\]") for value in (-1.0, 255.0, math.nan)),
    ],
)
def test_what_cannot_be_measured_is_an_error(predicted: np.ndarray, truth: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        measure_each(predicted, truth, PHOTOGRAPH_MEASURES)


def test_lab_intersection_of_equal_and_of_other_colours():
    images = smooth_images(5, 16)
    assert measures.lab_intersection(images[::-1, ::-1], images) == pytest.approx({"L": 1.0, "a": 1.0, "b": 1.0})
    red, green = constant_image(1, 0, 0), constant_image(0, 1, 0)
    assert measures.lab_intersection(red, green) == {"L": 0.0, "a": 0.0, "b": 0.0}
    half = np.concatenate([red, green])
    assert measures.lab_intersection(half, green) == pytest.approx({"L": 0.5, "a": 0.5, "b": 0.5})
    # All greys lie in one bin of a and b.
    assert measures.lab_intersection(constant_image(0.2, 0.2, 0.2), constant_image(0.8, 0.8, 0.8)) == {
        "L": 0,
        "a": 1,
        "b": 1,
    }
