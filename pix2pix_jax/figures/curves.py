"""The curves of a run: its losses and image quality over the steps, as a PNG file.

Matplotlib is imported inside the functions, since it takes about half a second.
"""

import math
import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.figures.drawing import DPI, save_figure
from pix2pix_jax.runs import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TERMS = {
    "d_loss": "D's loss",
    "g_bce": "G's cross-entropy",
    "g_gan": "G's adversarial loss",
    "g_l1_rgb": "L1 of RGB",
    "g_l1_chroma": "L1 of CrCb",
    "g_l1_ab": "L1 of ab",
    "g_l1": "L1",
    "g_nearer_to_gray": "nearer to grey",
}
"""The loss terms that figures and tables show."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#8F4E8B", "#E69F00")
"""Colours that stay apart for colour-blind readers (Okabe and Ito, 2008)."""

GREY = "#777777"

_LOSSES = (
    ("Adversarial losses", "loss", ("d_loss", "g_bce", "g_gan")),
    ("L1 terms of G", "mean absolute error", ("g_l1_rgb", "g_l1_chroma", "g_l1_ab", "g_l1")),
    ("Photographs that grey is nearer to", "smooth share", ("g_nearer_to_gray",)),
)
_QUALITY = {
    "l1": ("L1 of held-out images (lower is better)", "mean absolute error"),
    "psnr": ("PSNR (higher is better)", "PSNR (dB)"),
    "ssim": ("SSIM (higher is better)", "SSIM"),
    "ciede2000": ("Colour difference (lower is better)", "ΔE (CIEDE2000)"),
    "colorfulness": ("Colourfulness (nearer to the truth is better)", "colourfulness (Hasler-Süsstrunk)"),
}
_BESIDE = {"gray_": ("grey image", GREY), "mean_": ("mean colour", GREY), "truth_": ("truth", COLORS[2])}


class Curve(NamedTuple):
    """Values over the steps [N]; what was not finite is NaN. Of a level, the last value holds for the whole run."""

    label: str
    color: str
    steps: NDArray
    values: NDArray
    line: str = "-"
    is_level: bool = False


class Panel(NamedTuple):
    """Curves on the same axes."""

    title: str
    y_label: str
    curves: Sequence[Curve]
    from_zero: bool = False


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
    """Draws what `save_curves` saves, and takes the same arguments."""
    panels = []
    for name, y_label, terms in _LOSSES:
        curves = [collect(records, term, TERMS[term], color) for term, color in zip(terms, COLORS, strict=False)]
        panels.append(Panel(name, y_label, curves, from_zero="d_loss" in terms))
    for measure, (name, y_label) in _QUALITY.items():
        made = collect(records, f"eval/{measure}", "made", COLORS[0])
        levels = [collect(records, f"eval/{row}{measure}", *look, is_level=True) for row, look in _BESIDE.items()]
        panels.append(Panel(name, y_label, [made, *levels]))
    figure = draw_panels(panels, with_legends=True)
    if title:
        # A letter of this size is about 0.13 inches wide.
        lines = textwrap.wrap(title, int(figure.get_figwidth() / 0.13), break_on_hyphens=False)
        figure.suptitle("\n".join(lines), fontsize=13, fontweight="bold")
    return figure


def collect(
    records: Sequence[Record], key: str, label: str, color: str, line: str = "-", is_level: bool = False
) -> Curve:
    """Makes a curve of the records that hold `key`."""
    points = [(record["step"], record[key]) for record in records if key in record]
    steps = np.array([step for step, _ in points], np.float64)
    values = np.array([math.nan if value is None else value for _, value in points], np.float64)
    return Curve(label, color, steps, values, line, is_level)


def draw_panels(panels: Sequence[Panel], with_legends: bool) -> "Figure":
    """Draws panels in one row or two.

    Args:
        panels: The panels; those without a curve that is more than a level are left out.
        with_legends: Whether each panel has a legend of its own.

    Returns:
        The figure, one axes a panel.

    Raises:
        ValueError: No panel is left.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = [panel for panel in panels if any(curve.steps.size for curve in panel.curves if not curve.is_level)]
    if not panels:
        raise ValueError("no record holds a loss or an evaluation figure to draw")
    rows = 1 if len(panels) <= 3 else 2
    columns = math.ceil(len(panels) / rows)
    figure = Figure(
        figsize=(max(7.0, 4.6 * columns), 0.5 + 3.7 * rows),
        dpi=DPI,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12),
    )
    for place, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_panel(axes, panel, with_legends)
    return figure


def _draw_panel(axes: "Axes", panel: Panel, with_legend: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    curves = [curve for curve in panel.curves if curve.steps.size]
    for curve in curves:
        _draw_curve(axes, curve)
    if panel.from_zero:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))  # a D that has won lies on the axis
    axes.set_title(panel.title, loc="left", fontsize=11, pad=24 if with_legend else 8)
    axes.set_xlabel("step")
    axes.set_ylabel(panel.y_label)
    axes.set_xlim(left=0.0)  # a single record would get several ticks of its own step
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if with_legend:  # between title and axes, where it can hide no curve
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 0.99), "borderaxespad": 0.2}
        axes.legend(**place, ncols=len(curves), frameon=False, fontsize=9, handlelength=1.6, columnspacing=1.2)


def _draw_curve(axes: "Axes", curve: Curve) -> None:
    steps, values = curve.steps, curve.values
    if curve.is_level:  # a line over the whole width, even with one evaluation
        finite = values[np.isfinite(values)]
        if finite.size:
            axes.axhline(finite[-1], color=curve.color, linestyle="--", linewidth=1.4, label=curve.label)
        return
    window = steps.size // 40
    if window >= 5:
        axes.plot(steps, values, color=curve.color, linewidth=0.5, alpha=0.3)
        values = _moving_average(values, window)
    style = {"linestyle": curve.line, "linewidth": 1.6, "marker": "o" if steps.size <= 40 else "", "markersize": 4}
    axes.plot(steps, values, color=curve.color, label=curve.label, **style)


def _moving_average(values: NDArray, window: int) -> NDArray:
    """Averages over a centred window that shrinks at the ends; what is not finite is left out."""
    finite = np.isfinite(values)
    kernel = np.ones(window)
    total = np.convolve(np.where(finite, values, 0.0), kernel, mode="same")
    count = np.convolve(finite.astype(np.float64), kernel, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1.0), math.nan)
