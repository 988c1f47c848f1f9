import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from pix2pix_jax.figures import draw_curves, save_figure
from pix2pix_jax.runs import Record

LOSSES = {"d_loss": 1.2, "d_real": 0.6, "d_fake": 0.6, "g_loss": 9.0, "g_bce": 0.9}
L1_TERMS = {"g_l1_rgb": 0.08, "g_l1_chroma": 0.04}
EVALUATION = {f"eval/{row}{name}": 20.0 for row in ("", "gray_") for name in ("psnr", "ssim", "colorfulness")}
EVALUATION |= {"eval/ciede2000": 9.8, "eval/gray_ciede2000": 13.2, "eval/truth_colorfulness": 40.0}


def training_records(count: int, terms: dict[str, float]) -> list[dict[str, float]]:
    return [
        {"step": 10 * index, "epoch": index, "images_per_second": 1.0}
        | {name: value + 0.1 * math.sin(index) for name, value in terms.items()}
        for index in range(1, count + 1)
    ]


def values_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


def legend_labels(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="module")
def figure() -> Figure:
    return draw_curves([*training_records(3, LOSSES | L1_TERMS), {"step": 30, **EVALUATION}], title="demo")


def test_curves_hold_all_that_the_records_hold(figure: Figure):
    assert [legend_labels(axes) for axes in figure.axes] == [
        ["D's loss", "G's cross-entropy"],
        ["L1 of RGB", "L1 of CrCb"],
        ["generated", "grey image"],
        ["generated", "grey image"],
        ["generated", "grey image"],
        ["generated", "grey image", "truth"],
    ]
    d_loss = figure.axes[0].lines[0]
    np.testing.assert_array_equal(d_loss.get_xdata(), [10, 20, 30])
    np.testing.assert_allclose(values_of(d_loss), 1.2 + 0.1 * np.sin([1, 2, 3]))
    np.testing.assert_allclose(values_of(figure.axes[4].lines[1]), 13.2)  # CIEDE2000 of the grey image


def test_curves_of_pairs_stand_beside_the_mean_colour():
    evaluated = {f"eval/{row}{name}": 0.5 for row in ("", "mean_") for name in ("l1", "psnr", "ssim")}
    figure = draw_curves([*training_records(3, LOSSES | {"g_l1": 0.1}), {"step": 30, **evaluated}])
    labels = [legend_labels(axes) for axes in figure.axes]
    assert labels == [["D's loss", "G's cross-entropy"], ["L1"], *[["generated", "mean colour"]] * 3]


def test_what_is_new_is_drawn():
    evaluated = {f"eval/{row}ciede2000": 0.5 for row in ("", "gray_", "tint_", "start_")}
    figure = draw_curves([*training_records(3, LOSSES | {"g_sharpness": 0.1}), {"step": 30, **evaluated}])
    labels = [legend_labels(axes) for axes in figure.axes]
    assert labels[1:] == [["g_sharpness"], ["generated", "grey image", "best tint", "beginning"]]


def test_ticks_of_a_single_record_differ():
    figure = draw_curves([{"step": 6, "g_l1_rgb": 0.5}])
    figure.draw_without_rendering()
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(ticks) > 1
    assert len(set(ticks)) == len(ticks)


def test_panels_do_not_overlap(figure: Figure):
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    for index, box in enumerate(boxes):
        assert box is not None
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[index + 1 :] if other is not None)


def test_long_curves_are_drawn_under_their_moving_average():
    records: list[Record] = [*training_records(2000, {"g_l1_rgb": 0.5})]
    records[1000] = {"step": 10010, "g_l1_rgb": None}
    (axes,) = draw_curves(records).axes  # without a discriminator there is no panel for it
    raw, smooth = axes.lines
    assert values_of(raw).size == values_of(smooth).size == 2000
    assert np.nanstd(values_of(raw)) > 0.05
    np.testing.assert_allclose(values_of(smooth), 0.5, atol=0.03)
    assert legend_labels(axes) == ["L1 of RGB"]


def test_values_that_were_not_finite_leave_a_gap():
    records = [{"step": 1, "d_loss": 1.0}, {"step": 2, "d_loss": None}, {"step": 3, "d_loss": 2.0}]
    line = draw_curves(records).axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), [1.0, math.nan, 2.0])


def test_a_figure_is_saved_as_a_picture_even_if_nothing_is_finite(tmp_path: Path):
    path = tmp_path / "new" / "curves.png"
    records = [{"step": 1, **dict.fromkeys({**LOSSES, **EVALUATION})}]
    save_figure(draw_curves(records, title="a long title " * 20), path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(2**24) or []) > 20
    assert [file.name for file in path.parent.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("records", [[], [{"step": 1, "epoch": 0, "images_per_second": 3.0}]])
def test_curves_of_nothing_are_an_error(records: list[dict[str, float]]):
    with pytest.raises(ValueError, match="holds a loss"):
        draw_curves(records)
