import json

import numpy as np
import pytest
from helpers import smooth_images

from pix2pix_jax.evaluation import judging, measures, tables


@pytest.fixture(scope="module")
def images():
    return smooth_images(5, 16)


@pytest.fixture(scope="module")
def baselines(images):
    return judging.judge_baselines(images)


def test_pieces_give_what_the_whole_gives(images, monkeypatch):
    monkeypatch.setattr(judging, "_PIECE", 2)
    merits, made = judging.judge(measures.gray_images, images)
    whole = measures.measure_each(measures.gray_images(images), images)
    assert merits.keys() == whole.keys()
    for name, values in whole.items():
        np.testing.assert_allclose(merits[name], values, rtol=1e-6)
    np.testing.assert_array_equal(made, np.round(measures.gray_images(images) * 255))


def test_each_best_tint_is_the_best_row_of_its_measure(baselines):
    means = {name: measures.average(row) for name, row in baselines.merits.items()}
    assert min(means, key=lambda name: means[name]["ciede2000"]) == "best tint by CIEDE2000"
    assert max(means, key=lambda name: means[name]["psnr"]) == "best tint by PSNR"


def test_the_table_has_a_row_for_all(images, baselines):
    perfect = measures.measure_each(images, images)
    table = tables.merits_table({"coloured": perfect}, baselines)
    names = [row[0] for row in table.rows]
    assert names == ["coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth"]
    coloured, gray, *_, truth = table.rows
    assert coloured[1:5] == ["100.00", "100.00 ± 0.00", "1.000 ± 0.000", "0.00 ± 0.00"]
    assert coloured[5:] == [truth[5], "1.00", "100%"]
    assert gray[5:] == ["0.0 ± 0.0", "0.00", ""]
    assert all(len(row) == len(table.header) for row in table.rows)


def test_a_summary_has_mean_and_spread(images, baselines):
    merits = measures.measure_each(measures.gray_images(images), images)
    summary = json.loads(json.dumps(judging.summarize(merits, baselines.truth_colorfulness)))
    assert summary["psnr"]["mean"] == pytest.approx(merits["psnr"].mean())
    assert summary["psnr"]["std"] == pytest.approx(merits["psnr"].std())
    assert summary["psnr"]["quartiles"][0] <= summary["psnr"]["median"] <= summary["psnr"]["quartiles"][1]
    assert summary["colorfulness_ratio"] == 0.0


def test_one_grey_photograph_decides_nothing(images):
    gray = images[:1, ..., :1].repeat(3, -1)
    with_gray = np.concatenate([images.repeat(8, axis=0), gray])
    merits = measures.measure_each(measures.gray_images(with_gray), with_gray)
    assert merits["psnr"][-1] == measures.PSNR_CAP_DB
    before, after = (judging.spread_of("psnr", values) for values in (merits["psnr"][:-1], merits["psnr"]))
    assert (before["equal"], after["equal"]) == (0, 1)
    assert after["mean"] == pytest.approx(before["mean"])
    assert after["of_mean_error"] == pytest.approx(before["of_mean_error"], abs=0.15)
    assert measures.gray_baseline(with_gray)["psnr"] == pytest.approx(after["of_mean_error"], rel=1e-6)
    # Of the mean squared error over all pixels of all images.
    error = np.mean((measures.gray_images(with_gray) - with_gray / 255.0) ** 2)
    assert after["of_mean_error"] == pytest.approx(-10 * np.log10(error), abs=1e-4)


def test_equal_figures_are_not_nearer(images):
    gray = measures.gray_images(images)
    noise = np.random.default_rng(0).uniform(-1e-5, 1e-5, gray.shape).astype(np.float32)
    merits = measures.measure_each(np.clip(gray + noise, 0, 1), images)
    assert tables.merits_table({"grey": merits}, judging.judge_baselines(images)).rows[0][-1] == "0%"


def test_grey_photographs_have_no_ratio():
    gray = smooth_images(2, 16)[..., :1].repeat(3, -1)
    baselines = judging.judge_baselines(gray)
    table = tables.merits_table({"coloured": measures.measure_each(gray, gray)}, baselines)
    assert table.rows[0][6] == ""
    assert judging.summarize(baselines.merits["grey image"], baselines.truth_colorfulness)["colorfulness_ratio"] is None
