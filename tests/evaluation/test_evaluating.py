import json

import numpy as np
import pytest
from helpers import smooth_images

from pix2pix_jax.evaluation import evaluating, measures, tables
from pix2pix_jax.evaluation.measures import PAIR_MEASURES, PHOTOGRAPH_MEASURES, Merits, gray_images, measure_each

IMAGES = smooth_images(5, 16)


@pytest.fixture(scope="module")
def baselines():
    return evaluating.evaluate_baselines(IMAGES)


def measured(made: np.ndarray, images: np.ndarray = IMAGES) -> Merits:
    return measure_each(made, images, PHOTOGRAPH_MEASURES)


@pytest.mark.parametrize("truth", [IMAGES, IMAGES.astype(np.uint16) * 257])
def test_pieces_give_what_the_whole_gives_in_the_depth_of_the_truth(truth, monkeypatch):
    monkeypatch.setattr(evaluating, "_PIECE", 2)
    merits, made = evaluating.evaluate(gray_images, IMAGES, truth)
    for name, values in measured(gray_images(IMAGES), truth).items():
        np.testing.assert_allclose(merits[name], values, rtol=1e-6)
    assert made.dtype == truth.dtype
    np.testing.assert_array_equal(made, np.round(gray_images(IMAGES) * np.iinfo(truth.dtype).max))


def test_each_best_tint_is_the_best_row_of_its_measure(baselines):
    means = {name: measures.average(row) for name, row in baselines.merits.items()}
    assert min(means, key=lambda name: means[name]["ciede2000"]) == "best tint by CIEDE2000"
    assert max(means, key=lambda name: means[name]["psnr"]) == "best tint by PSNR"


def test_the_table_of_photographs_has_a_row_for_all(baselines):
    table = tables.merits_table({"coloured": measured(IMAGES)}, baselines)
    names = [row[0] for row in table.rows]
    assert names == ["coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth"]
    coloured, gray, *_, truth = table.rows
    assert coloured[1:5] == ["100.00", "100.00 ± 0.00", "1.000 ± 0.000", "0.00 ± 0.00"]
    assert coloured[5:] == [truth[5], "1.00", "+0.0", "100%"]
    mean = baselines.truth_colorfulness.mean()
    assert gray[5:] == ["0.0 ± 0.0", "0.00", f"-{mean:.1f}", ""]
    assert all(len(row) == len(table.header) for row in table.rows)
    with_distances = tables.merits_table({"coloured": measured(IMAGES)}, baselines, {"coloured": 1.25})
    assert [row[-1] for row in with_distances.rows] == ["1.2", "", "", "", ""]


def test_the_figures_of_ddcolors_table_by_hand():
    # |rg| and |yb| are 100, 20 and 60, 30: means 60 and 45, deviations 40 and 15.
    truth = np.array([[[[110, 10, 0], [0, 20, 40]]]], np.uint8)
    made = np.array([[[[110, 10, 0], [0, 0, 0]]]], np.uint8)  # |rg| 100, 0 and |yb| 60, 0
    wanted = np.hypot(40, 15) + 0.3 * np.hypot(60, 45)
    theirs = np.hypot(50, 30) + 0.3 * np.hypot(50, 30)
    found = evaluating.ddcolor_figures(made, truth)
    error = (20**2 + 40**2) / 6 / 255**2
    assert found["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-5)
    assert found["colorfulness"] == pytest.approx(theirs, rel=1e-5)
    assert found["colorfulness_difference"] == pytest.approx(abs(wanted - theirs), rel=1e-4)


def test_one_grey_photograph_decides_nothing():
    with_gray = np.concatenate([IMAGES.repeat(8, axis=0), IMAGES[:1, ..., :1].repeat(3, -1)])
    psnr = measures.psnr(gray_images(with_gray), with_gray)
    assert psnr[-1] == measures.PSNR_CAP_DB
    before, after = (evaluating.summarize({"psnr": values})["psnr"] for values in (psnr[:-1], psnr))
    assert (before["equal"], after["equal"]) == (0, 1)
    assert after["mean"] == pytest.approx(before["mean"])
    assert after["of_mean_error"] == pytest.approx(before["of_mean_error"], abs=0.15)
    # Of the mean squared error over all pixels of all images.
    error = np.mean((gray_images(with_gray) - with_gray / 255.0) ** 2)
    assert after["of_mean_error"] == pytest.approx(-10 * np.log10(error), abs=1e-4)


def test_equal_figures_are_not_nearer(baselines):
    gray = gray_images(IMAGES)
    noise = np.random.default_rng(0).uniform(-1e-5, 1e-5, gray.shape).astype(np.float32)
    merits = measured(np.clip(gray + noise, 0, 1))
    assert tables.merits_table({"grey": merits}, baselines).rows[0][-1] == "0%"


def test_grey_photographs_have_no_ratio():
    gray = smooth_images(2, 16)[..., :1].repeat(3, -1)
    baselines = evaluating.evaluate_baselines(gray)
    assert tables.merits_table({"coloured": measured(gray, gray)}, baselines).rows[0][6] == ""
    summary = evaluating.summarize(baselines.merits["grey image"], baselines.truth_colorfulness)
    assert summary["colorfulness_ratio"] is None


def test_no_constant_is_better_than_the_baselines_by_their_measure():
    assert "input as it is" not in evaluating.pair_baselines(IMAGES[..., :2], IMAGES)
    baselines = evaluating.pair_baselines(IMAGES[..., :1], IMAGES)
    np.testing.assert_array_equal(baselines.pop("input as it is"), IMAGES[..., :1].repeat(3, -1))
    l1 = {name: measures.l1(made, IMAGES).mean() for name, made in baselines.items()}
    for shift in (-5, 5):
        other = (baselines["median colour"].astype(int) + shift).astype(np.uint8)
        assert l1["median colour"] < measures.l1(other, IMAGES).mean()
    assert l1["median colour"] <= l1["mean colour"]


def test_the_table_of_pairs_has_a_row_for_all():
    rows = {"translated": IMAGES, **evaluating.pair_baselines(IMAGES[::-1], IMAGES)}
    merits = {name: measure_each(made, IMAGES, PAIR_MEASURES) for name, made in rows.items()}
    table = tables.pairs_table(merits, {name: {"L": 1.0, "a": 0.5, "b": 0.25} for name in rows})
    assert [row[0] for row in table.rows] == ["translated", "input as it is", "mean colour", "median colour"]
    assert table.rows[0][1:] == ["0.0000 ± 0.0000", "100.00", "100.00 ± 0.00", "1.000 ± 0.000", "1.00 / 0.50 / 0.25"]
    assert all(len(row) == len(table.header) for row in table.rows)
    without = {name: {"l1": row["l1"], "psnr": row["psnr"]} for name, row in merits.items()}
    assert tables.pairs_table(without, {}).header == ["", "L1 ↓", "PSNR, dB ↑", "PSNR, mean ↑"]


def test_a_summary_has_mean_and_spread(baselines):
    merits = measured(gray_images(IMAGES))
    summary = json.loads(json.dumps(evaluating.summarize(merits, baselines.truth_colorfulness)))
    for name in ("psnr", "ssim"):
        assert summary[name]["mean"] == pytest.approx(merits[name].mean())
        assert summary[name]["std"] == pytest.approx(merits[name].std())
        lower, upper = summary[name]["quartiles"]
        assert lower <= summary[name]["median"] == np.median(merits[name]) <= upper
    assert summary["colorfulness_ratio"] == 0.0
    assert summary["colorfulness_difference"] == pytest.approx(-baselines.truth_colorfulness.mean())
