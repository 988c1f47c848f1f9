"""The curves of a run: its losses and image quality over the steps, as a PNG file.

Matplotlib is imported inside the functions, since it takes about half a second.
"""

import math
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import DPI, save_figure
from pix2pix_jax.runs import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#8F4E8B"
_GREY = "#777777"


def save_curves(path: str | os.PathLike[str], records: Sequence[Record], title: str = "") -> None:
    """Saves the curves of a run: its losses and, where it was evaluated, its image quality.

    What the records do not hold takes no room: without a discriminator there is no panel for it.
    Long curves are drawn thin, under a moving average. An earlier file is replaced in one go.

    Args:
        path: PNG file to write.
        records: Records as `pix2pix_jax.metrics.read_metrics` gives them.
        title: Line above the panels.

    Raises:
        ValueError: No record holds anything to draw.
    """
    save_figure(draw_curves(records, title), path)


def draw_curves(records: Sequence[Record], title: str = "") -> "Figure":
    """Draws what `save_curves` saves.

    Args:
        records: Records as `pix2pix_jax.metrics.read_metrics` gives them.
        title: Line above the panels.

    Returns:
        The figure, one axes a panel.

    Raises:
        ValueError: No record holds anything to draw.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = [panel for panel in _PANELS if panel.is_in(records)]
    if not panels:
        raise ValueError(f"none of the {len(records)} records holds a loss or an evaluation figure")
    row_sizes = [len(panels)] if len(panels) <= 3 else [len(panels) // 2, -(-len(panels) // 2)]
    figure = Figure(
        figsize=(max(7.0, 4.6 * max(row_sizes)), 0.5 + 3.7 * len(row_sizes)),
        dpi=DPI,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12),
    )
    # 6 columns hold rows of 1, 2 and 3 panels alike.
    grid = figure.add_gridspec(len(row_sizes), 6)
    remaining = iter(panels)
    for row, size in enumerate(row_sizes):
        for column in range(size):
            span = 6 // size
            axes = figure.add_subplot(grid[row, column * span : (column + 1) * span])
            _draw_panel(axes, next(remaining), records)
    if title:
        # A letter of this size is about 0.13 inches wide.
        lines = textwrap.wrap(title, int(figure.get_figwidth() / 0.13), break_on_hyphens=False)
        figure.suptitle("\n".join(lines), fontsize=13, fontweight="bold")
    return figure


@dataclass(frozen=True)
class _Series:
    """One curve: the name in the records, the name in the legend, its colour."""

    key: str
    label: str
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class _Panel:
    """One set of axes: it is drawn when a record holds one of its solid curves."""

    title: str
    y_label: str
    series: tuple[_Series, ...]
    from_zero: bool = False

    def is_in(self, records: Sequence[Record]) -> bool:
        keys = [series.key for series in self.series if not series.dashed]
        return any(key in record for record in records for key in keys)


_PANELS = (
    _Panel(
        "Adversarial losses",
        "loss",
        (
            _Series("d_loss", "D (real + fake)", _BLUE),
            _Series("g_bce", "G cross-entropy", _ORANGE),
            _Series("g_gan", "G adversarial", _ORANGE),
        ),
        from_zero=True,  # a D that has won lies on the axis
    ),
    _Panel(
        "L1 terms of G",
        "mean absolute error",
        (
            _Series("g_l1_rgb", "L1 of RGB", _GREEN),
            _Series("g_l1_chroma", "L1 of CrCb", _PURPLE),
            _Series("g_l1_ab", "L1 of ab", _PURPLE),
            _Series("g_l1", "L1", _GREEN),
        ),
    ),
    _Panel(
        "Photographs that grey is nearer to",
        "smooth share",
        (_Series("g_nearer_to_gray", "made", _PURPLE),),
    ),
    _Panel(
        "L1 of held-out images (lower is better)",
        "mean absolute error",
        (
            _Series("eval/l1", "made", _BLUE),
            _Series("eval/mean_l1", "mean colour", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "PSNR (higher is better)",
        "PSNR (dB)",
        (
            _Series("eval/psnr", "made", _BLUE),
            _Series("eval/gray_psnr", "grey image", _GREY, dashed=True),
            _Series("eval/mean_psnr", "mean colour", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "SSIM (higher is better)",
        "SSIM",
        (
            _Series("eval/ssim", "made", _BLUE),
            _Series("eval/gray_ssim", "grey image", _GREY, dashed=True),
            _Series("eval/mean_ssim", "mean colour", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "Colour difference (lower is better)",
        "ΔE (CIEDE2000)",
        (
            _Series("eval/ciede2000", "coloured", _BLUE),
            _Series("eval/gray_ciede2000", "grey image", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "Colourfulness (nearer to the truth is better)",
        "colourfulness (Hasler-Süsstrunk)",
        (
            _Series("eval/colorfulness", "coloured", _BLUE),
            _Series("eval/gray_colorfulness", "grey image", _GREY, dashed=True),
            _Series("eval/truth_colorfulness", "truth", _GREEN, dashed=True),
        ),
    ),
)


def _draw_panel(axes: "Axes", panel: _Panel, records: Sequence[Record]) -> None:
    for series in panel.series:
        steps, values = collect(records, series.key)
        if steps.size:
            _draw_series(axes, series, steps, values)
    if panel.from_zero:
        axes.set_ylim(bottom=0.0)
    style_axes(axes, panel.title, panel.y_label, pad=24)
    # Between title and axes, where it can hide no curve.
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 0.99),
        ncols=len(panel.series),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.2,
    )


def style_axes(axes: "Axes", title: str, y_label: str, pad: float) -> None:
    """Gives axes over the steps of a run their title, labels, ticks and grid.

    Args:
        axes: The axes.
        title: Line above them.
        y_label: What is drawn.
        pad: Room between title and axes, pt.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_title(title, loc="left", fontsize=11, pad=pad)
    axes.set_xlabel("step")
    axes.set_ylabel(y_label)
    axes.set_xlim(left=0.0)  # a single record would get several ticks of its own step
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_series(axes: "Axes", series: _Series, steps: NDArray, values: NDArray) -> None:
    if series.dashed:
        # A constant of the run: a line over the whole width, even with one evaluation.
        finite = values[np.isfinite(values)]
        if finite.size:
            axes.axhline(finite[-1], color=series.color, linestyle="--", linewidth=1.4, label=series.label)
        return
    window = steps.size // 40
    if window >= 5:
        axes.plot(steps, values, color=series.color, linewidth=0.5, alpha=0.3)
        values = moving_average(values, window)
    marker = "o" if steps.size <= 40 else ""
    style = {"linewidth": 1.6, "marker": marker, "markersize": 4}
    axes.plot(steps, values, color=series.color, label=series.label, **style)


def collect(records: Sequence[Record], key: str) -> tuple[NDArray, NDArray]:
    """Gives the steps and values of the records that hold `key`; what was not finite is NaN."""
    points = [(record["step"], record[key]) for record in records if key in record]
    steps = np.array([step for step, _ in points], np.float64)
    values = np.array([math.nan if value is None else value for _, value in points], np.float64)
    return steps, values


def moving_average(values: NDArray, window: int) -> NDArray:
    """Averages over a centred window that shrinks at the ends; what is not finite is left out."""
    finite = np.isfinite(values)
    kernel = np.ones(window)
    total = np.convolve(np.where(finite, values, 0.0), kernel, mode="same")
    count = np.convolve(finite.astype(np.float64), kernel, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1.0), math.nan)
