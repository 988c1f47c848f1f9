"""What a run says beside its figures."""

from pathlib import Path

import pytest

from pix2pix_jax.config import default_config, experiment_config, updated
from pix2pix_jax.evaluation import compared
from pix2pix_jax.training import notes

RECORD = {"eval/ciede2000": 10.5, "eval/gray_ciede2000": 14.6, "eval/tint_ciede2000": 10.5, "eval/start_ciede2000": 9.8}


def test_what_is_beaten_and_what_is_not():
    words, lost = compared(10.5, {"grey image": 14.6, "best tint": 10.501, "beginning": 9.8}, 1)
    assert words == "better than the grey image (14.6), as good as the best tint (10.5), worse than the beginning (9.8)"
    assert lost == ["best tint", "beginning"]


@pytest.mark.parametrize(
    ("name", "start", "named"),
    [
        ("pretrained_encoder", 9.8, ["pretrained itself is as good"]),
        ("pretrained_encoder", 11.0, ["to beat the best tint, train"]),
        ("ycrcb_rgb", 9.8, ["best tint and the beginning", "configs/pretrained_encoder.py"]),
    ],
)
def test_a_run_ends_with_what_helps_and_with_the_command_that_uses_it(name, start, named):
    said = list(notes.at_the_end(experiment_config(name), Path("my runs/1"), RECORD | {"eval/start_ciede2000": start}))
    for text in [*named, "--checkpoint 'my runs/1'"]:
        assert any(text in line for line in said)


def test_pairs_are_translated_and_grey_photographs_not_evaluated():
    record = {"eval/l1": 0.062, "eval/input_l1": 0.045, "eval/mean_l1": 0.2}
    said = list(notes.at_the_end(experiment_config("pix2pix"), Path("run"), record))
    assert "worse than the input as it is (0.0450)" in said[0]
    assert "pix2pix-translate IMAGE" in said[-1]
    assert "grey" in notes.verdict(RECORD | {"eval/truth_colorfulness": 0.1})[0]


def test_crops_much_smaller_than_the_images_are_told_of():
    sizes = {"image_size": 64, "data.resize": 286}
    assert "--config.data.resize=75" in next(notes.of_config(updated(default_config(), sizes)))
    assert not list(notes.of_config(updated(experiment_config("pix2pix"), {"image_size": 64})))
