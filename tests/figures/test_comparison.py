"""Several experiments on common axes, and the table of their losses."""

from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.figures import comparison, comparison_curves
from pix2pix_jax.figures.comparison import Run, losses_table


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Gets the figure instead of the file."""
    got = SimpleNamespace(figure=None)
    monkeypatch.setattr(comparison_curves, "save_figure", lambda figure, _: setattr(got, "figure", figure))
    return got


def records(term: str = "g_bce") -> list[dict[str, float]]:
    values = {"g_loss": 2.0, "d_loss": 1.0, term: 0.8, "g_l1_rgb": 0.1, "images_per_second": 1.0}
    return [{"step": step, **values} for step in range(1, 5)]


def run(name: str, term: str = "g_bce", **changes: object) -> Run:
    config = updated(experiment_config(name), {key.replace("__", "."): value for key, value in changes.items()})
    return Run(config, records(term), None, np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.parametrize("count", [1, 5, 6, 11])
def test_every_experiment_has_a_curve_and_a_look_of_its_own(drawn, count: int):
    comparison_curves.save_comparison_curves("x.png", {f"e{n}": records() for n in range(count)}, guessing={})
    for axes in drawn.figure.axes:
        assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == count
    assert len(drawn.figure.legends[0].get_texts()) == count


@pytest.mark.parametrize("guessing", [True, False])
def test_a_d_that_guesses_is_drawn_where_its_loss_is_known(drawn, guessing: bool):
    comparison_curves.save_comparison_curves("x.png", {"e": records()}, {"d_loss": 1.39} if guessing else {})
    of_d = drawn.figure.axes[0]
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
def test_the_table_of_losses(runs: list[Run], known: bool):
    table = losses_table({str(number): each for number, each in enumerate(runs)}).markdown()
    assert ("D guesses" in table) == known
    assert ("ln 2" in comparison._loss_note({str(n): each for n, each in enumerate(runs)})) == known
    assert ("adversarial" in table) == any("g_gan" in each.records[0] for each in runs)
