"""Several experiments on common axes, and the table of their losses."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import smooth_images

from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.evaluation import Baselines, evaluate_baselines
from pix2pix_jax.figures import Run, write_comparison
from pix2pix_jax.figures.curves import draw_comparison_curves

IMAGES = smooth_images(2, 8)


@pytest.fixture(scope="module")
def baselines() -> Baselines:
    return evaluate_baselines(IMAGES)


def records(term: str = "g_bce") -> list[dict[str, float]]:
    values = {"g_loss": 2.0, "d_loss": 1.0, term: 0.8, "g_l1_rgb": 0.1, "images_per_second": 1.0}
    return [{"step": step, **values} for step in range(1, 5)]


def run(name: str, term: str = "g_bce", **changes: object) -> Run:
    config = updated(experiment_config(name), {key.replace("__", "."): value for key, value in changes.items()})
    return Run(config, records(term), {}, IMAGES)


@pytest.mark.parametrize("count", [1, 5, 6, 11])
def test_every_experiment_has_a_curve_and_a_look_of_its_own(count: int):
    figure = draw_comparison_curves({f"e{n}": records() for n in range(count)}, guessing={})
    for axes in figure.axes:
        assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == count
    assert len(figure.legends[0].get_texts()) == count


@pytest.mark.parametrize("guessing", [True, False])
def test_a_d_that_guesses_is_drawn_where_its_loss_is_known(guessing: bool):
    of_d = draw_comparison_curves({"e": records()}, {"d_loss": 1.39} if guessing else {}).axes[0]
    assert ("guesses" in of_d.get_title(loc="left")) == guessing
    assert len(of_d.lines) == 1 + guessing


@pytest.mark.parametrize(
    ("runs", "known"),
    [
        ([run("ycrcb_rgb"), run("ycrcb_l1")], True),
        ([run("ycrcb_l1")], False),
        ([run("ycrcb_rgb", objective__discriminator_factor=0.5)], False),
        ([run("ycrcb_rgb"), run("rgb_rgb", objective__real_label=0.9)], False),
        ([run("ycrcb_rgb", "g_gan", objective__gan="lsgan")], False),
        ([run("ycrcb_rgb", "g_gan", objective__gan="hinge")], False),
    ],
)
def test_the_losses_stand_beside_those_of_a_d_that_guesses(
    runs: list[Run], known: bool, baselines: Baselines, tmp_path: Path
):
    named = {str(n): replace(each, merits=baselines.merits["grey image"]) for n, each in enumerate(runs)}
    printed = write_comparison(tmp_path, named, IMAGES, baselines, "Some <setting>.")
    assert ("D guesses" in printed) == known
    assert ("adversarial" in printed) == any("g_gan" in each.records[0] for each in runs)
    text, page = ((tmp_path / f"comparison.{suffix}").read_text() for suffix in ("md", "html"))
    assert ("ln 2" in text) == ("ln 2" in page) == known
    assert "Some <setting>." in text
    assert "Some &lt;setting&gt;." in page
