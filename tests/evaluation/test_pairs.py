import json

import numpy as np
import pytest
from helpers import smooth_images
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_jax.evaluation import judge_pair_baselines, judge_pairs, measure_pairs, pairs, pairs_table


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return smooth_images(5, 16)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_measures_of_any_number_of_channels_are_those_of_scikit_image(channels):
    random = np.random.default_rng(channels)
    made, truth = random.random((2, 3, 12, 9, channels), np.float32)
    merits = measure_pairs(made, truth)
    assert set(merits) == {"l1", "psnr", "ssim"}
    for place, (a, b) in enumerate(zip(made, truth, strict=True)):
        assert merits["l1"][place] == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
        assert merits["psnr"][place] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0), rel=1e-5)
        ssim = structural_similarity(a, b, channel_axis=-1, data_range=1.0)
        assert merits["ssim"][place] == pytest.approx(ssim, rel=1e-5)


def test_the_depth_does_not_matter(images):
    deep = images.astype(np.uint16) * 257
    other = images[::-1]
    wanted = measure_pairs(other, images)
    for name, values in measure_pairs(other.astype(np.float32) / 255, deep).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-4)


def test_images_smaller_than_the_window_have_no_ssim():
    images = np.zeros((2, 6, 40, 1), np.float32)
    merits = measure_pairs(images + 1.0, images)
    assert set(merits) == {"l1", "psnr"}
    np.testing.assert_array_equal(merits["l1"], [1.0, 1.0])
    assert pairs_table({"translated": pairs.PairMerits(merits, None)}).header == [
        "",
        "L1 ↓",
        "PSNR, dB ↑",
        "PSNR, mean ↑",
    ]


def test_shapes_that_differ_are_an_error(images):
    with pytest.raises(ValueError, match=r"\[5, 16, 16, 3\].*\[5, 16, 16, 1\]"):
        measure_pairs(images, images[..., :1])


def test_lab_intersection_of_equal_and_of_other_colours(images):
    assert pairs.lab_intersection(images, images) == pytest.approx({"L": 1.0, "a": 1.0, "b": 1.0})
    assert pairs.lab_intersection(images[::-1, ::-1], images) == pytest.approx({"L": 1.0, "a": 1.0, "b": 1.0})
    red, green = (np.broadcast_to(np.eye(3, dtype=np.uint8)[place] * 255, (1, 8, 8, 3)) for place in (0, 1))
    assert pairs.lab_intersection(red, green) == {"L": 0.0, "a": 0.0, "b": 0.0}
    half = np.concatenate([red, green])
    assert pairs.lab_intersection(half, green) == pytest.approx({"L": 0.5, "a": 0.5, "b": 0.5})


def test_grey_lies_in_one_bin_of_a_and_b():
    dark, bright = (np.full((1, 8, 8, 3), value, np.uint8) for value in (50, 200))
    assert pairs.lab_intersection(dark, bright) == {"L": 0.0, "a": 1.0, "b": 1.0}


def test_pieces_give_what_the_whole_gives(images, monkeypatch):
    def make(inputs):
        return 1.0 - inputs / np.float32(255.0)

    whole, made = judge_pairs(make, images, images)
    monkeypatch.setattr(pairs, "_PIECE", 2)
    parts, made_in_parts = judge_pairs(make, images, images)
    np.testing.assert_array_equal(made, 255 - images)
    np.testing.assert_array_equal(made_in_parts, made)
    np.testing.assert_array_equal(parts.each["l1"], whole.each["l1"])
    assert parts.lab == whole.lab


def test_what_is_made_is_measured_in_the_depth_of_the_truth():
    truth = np.zeros((1, 8, 8, 1), np.uint16)
    merits, made = judge_pairs(lambda inputs: np.full(truth.shape, 1.2 / 65535), truth, truth)
    assert made.dtype == np.uint16
    assert merits.each["l1"] == pytest.approx([1 / 65535])
    assert merits.lab is None


def test_no_constant_is_better_than_the_baselines_by_their_measure(images):
    baselines = judge_pair_baselines(images[..., :1], images)
    assert list(baselines) == ["mean colour", "median colour"]
    l1 = {name: merits.each["l1"].mean() for name, merits in baselines.items()}
    for shift in (-5, 5):
        median = np.median(images.reshape(-1, 3), axis=0) + shift
        other = measure_pairs(np.broadcast_to(np.rint(median).astype(np.uint8), images.shape), images)
        assert l1["median colour"] < other["l1"].mean()
    assert l1["median colour"] <= l1["mean colour"]


def test_the_table_has_a_row_for_all_and_json_takes_the_summaries(images):
    baselines = judge_pair_baselines(images[::-1], images)
    perfect, _ = judge_pairs(lambda inputs: inputs / 255.0, images, images)
    table = pairs_table({"translated": perfect, **baselines})
    assert [row[0] for row in table.rows] == ["translated", "input as it is", "mean colour", "median colour"]
    assert table.rows[0][1:] == ["0.0000 ± 0.0000", "100.00", "100.00 ± 0.00", "1.000 ± 0.000", "1.00 / 1.00 / 1.00"]
    assert all(len(row) == len(table.header) for row in table.rows)
    summary = json.loads(json.dumps(baselines["mean colour"].summary()))
    assert set(summary) == {"l1", "psnr", "ssim", "lab_intersection"}
    assert summary["psnr"]["mean"] == pytest.approx(baselines["mean colour"].each["psnr"].mean())
