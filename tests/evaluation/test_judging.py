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
    means = {
        name: {measure: values.mean() for measure, values in row.items()} for name, row in baselines.merits.items()
    }
    assert min(means, key=lambda name: means[name]["ciede2000"]) == "best tint by CIEDE2000"
    assert max(means, key=lambda name: means[name]["psnr"]) == "best tint by PSNR"


def test_the_table_has_a_row_for_all(images, baselines):
    perfect = measures.measure_each(images, images)
    table = tables.merits_table({"coloured": perfect}, baselines)
    names = [row[0] for row in table.rows]
    assert names == ["coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth"]
    coloured, gray, *_, truth = table.rows
    assert coloured[1:4] == ["100.00 ± 0.00", "1.000 ± 0.000", "0.00 ± 0.00"]
    assert coloured[4:] == [truth[4], "1.00", "100%"]
    assert gray[4:] == ["0.0 ± 0.0", "0.00", ""]
    assert all(len(row) == len(table.header) for row in table.rows)


def test_a_summary_has_mean_and_spread(images, baselines):
    merits = measures.measure_each(measures.gray_images(images), images)
    summary = json.loads(json.dumps(judging.summarize(merits, baselines.truth_colorfulness)))
    assert summary["psnr"]["mean"] == pytest.approx(merits["psnr"].mean())
    assert summary["psnr"]["std"] == pytest.approx(merits["psnr"].std())
    assert summary["psnr"]["quartiles"][0] <= summary["psnr"]["median"] <= summary["psnr"]["quartiles"][1]
    assert summary["colorfulness_ratio"] == 0.0


def test_grey_photographs_have_no_ratio():
    gray = smooth_images(2, 16)[..., :1].repeat(3, -1)
    baselines = judging.judge_baselines(gray)
    table = tables.merits_table({"coloured": measures.measure_each(gray, gray)}, baselines)
    assert table.rows[0][5] == ""
    assert judging.summarize(baselines.merits["grey image"], baselines.truth_colorfulness)["colorfulness_ratio"] is None
