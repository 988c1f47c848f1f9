"""Curves over the steps as PNG files: of one run, and of several on common axes.

Matplotlib is imported inside the functions, since it takes about half a second. It is used without pyplot, so that
nothing here touches a display or another figure.
"""

import itertools
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import losses
from pix2pix_jax.evaluation import BESIDE
from pix2pix_jax.files import replacing, writing
from pix2pix_jax.runs import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#8F4E8B", "#E69F00")  # for colour-blind readers too (Okabe and Ito, 2008)
_GREY = "#777777"
_LINES = ("-", "--", ":")  # the sixth experiment has another line

_QUALITY = {
    "l1": ("L1 of held-out images (lower is better)", "mean absolute error"),
    "psnr": ("PSNR (higher is better)", "PSNR (dB)"),
    "ssim": ("SSIM (higher is better)", "SSIM"),
    "ciede2000": ("Colour difference (lower is better)", "ΔE (CIEDE2000)"),
    "colorfulness": ("Colourfulness (nearer to the truth is better)", "colourfulness (Hasler-Süsstrunk)"),
}
_BESIDE = dict(zip(BESIDE, (_GREY, _COLORS[1], _COLORS[1], _GREY, _COLORS[3]), strict=True)) | {"truth": _COLORS[2]}
_LABELS = {**BESIDE, "truth": "truth"}

_Level = tuple[str, str, float]


class _Curve(NamedTuple):
    """Values over the steps [N]; what was not finite is NaN."""

    label: str
    color: str
    line: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


class _Panel(NamedTuple):
    """Curves on the same axes, and levels, (label, colour, value), dashed; those with labels are in the legend."""

    title: str
    y_label: str
    curves: Sequence[_Curve]
    levels: Sequence[_Level]
    from_zero: bool = False


def draw_curves(records: Sequence[Record], title: str = "") -> "Figure":
    """Draws the curves of a run: its losses and, where it was evaluated, its image quality.

    What the records do not hold takes no room: without a discriminator there is no panel for it.
    Long curves are drawn thin, under a moving average.

    Args:
        records: Records as `pix2pix_jax.runs.read_metrics` gives them.
        title: Line above the panels.

    Raises:
        ValueError: No record holds anything to draw.
    """
    panels = []
    terms = losses.shown_terms(itertools.chain(*records))
    for panel in dict.fromkeys(term.panel for term in terms.values()):
        looks = zip([name for name, term in terms.items() if term.panel == panel], itertools.cycle(_COLORS))
        curves = [_curve(records, name, terms[name].label, color) for name, color in looks]
        panels.append(_Panel(panel, _unit(panel), curves, [], from_zero="d_loss" in terms and not panels))
    for measure, (name, y_label) in _QUALITY.items():
        rows = {row: _last(records, f"eval/{row}_{measure}") for row in _BESIDE}
        levels = [(_LABELS[row], _BESIDE[row], value) for row, value in rows.items() if value is not None]
        panels.append(_Panel(name, y_label, [_curve(records, f"eval/{measure}", "generated", _COLORS[0])], levels))
    figure = _draw_panels(panels)
    if title:
        # A letter of this size is about 0.13 inches wide.
        lines = textwrap.wrap(title, int(figure.get_figwidth() / 0.13), break_on_hyphens=False)
        figure.suptitle("\n".join(lines), fontsize=13, fontweight="bold")
    return figure


def draw_comparison_curves(runs: Mapping[str, Sequence[Record]], guessing: Mapping[str, float]) -> "Figure":
    """Draws the losses and the colour difference of several experiments, as `draw_curves` does those of one.

    Args:
        runs: records of each experiment by its name.
        guessing: what loss terms are where D can only guess, drawn as dashed lines.
    """
    from matplotlib.lines import Line2D

    looks = itertools.cycle((color, line) for line in _LINES for color in _COLORS)
    styles: dict[str, tuple[str, Any]] = dict(zip(runs, looks, strict=False))

    def curves(key: str) -> list[_Curve]:
        return [_curve(records, key, "", *styles[name]) for name, records in runs.items()]

    panels = []
    for name, term in losses.shown_terms(itertools.chain(*itertools.chain(*runs.values()))).items():
        levels = [("", _GREY, guessing[name])] if name in guessing else []
        title = f"{term.label} (dashed: D guesses)" if levels else term.label
        panels.append(_Panel(title, _unit(term.panel), curves(name), levels, from_zero=name in ("d_loss", "g_bce")))
    gray = _last(itertools.chain(*runs.values()), "eval/gray_ciede2000")
    title = "Colour difference, held out (dashed: the grey image)"
    levels = [] if gray is None else [("", _GREY, gray)]
    panels.append(_Panel(title, "ΔE (CIEDE2000)", curves("eval/ciede2000"), levels))
    figure = _draw_panels(panels)
    handles = [Line2D([], [], color=color, linestyle=line, linewidth=2.5) for color, line in styles.values()]
    columns = min(len(runs), 5)
    figure.legend(handles, list(runs), loc="outside upper center", ncols=columns, frameon=False, fontsize=11)
    return figure


def _unit(panel: str) -> str:
    return "mean absolute error" if "L1" in panel else "smooth share" if "grey" in panel else "loss"


def _curve(records: Iterable[Record], key: str, label: str, color: str, line: str = "-") -> _Curve:
    """The curve of the records that hold `key`."""
    points = [(record["step"], record[key]) for record in records if key in record]
    steps, values = np.array(points, np.float64).reshape(-1, 2).T  # None becomes NaN
    return _Curve(label, color, line, steps, values)


def _last(records: Iterable[Record], key: str) -> float | None:
    """The last finite value of `key`; None where there is none."""
    return next((record[key] for record in reversed([*records]) if record.get(key) is not None), None)


def _draw_panels(panels: Sequence[_Panel]) -> "Figure":
    """Draws the panels that have a curve in one row or two; raises ValueError where there is none."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = [panel for panel in panels if any(curve.steps.size for curve in panel.curves)]
    if not panels:
        raise ValueError("no record holds a loss or an evaluation figure to draw")
    rows = 1 if len(panels) <= 3 else 2
    columns = math.ceil(len(panels) / rows)
    size = (max(7.0, 4.6 * columns), 0.5 + 3.7 * rows)
    figure = Figure(figsize=size, dpi=128, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    for place, panel in enumerate(panels, start=1):
        _draw_panel(figure.add_subplot(rows, columns, place), panel)
    return figure


def _draw_panel(axes: "Axes", panel: _Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    for curve in panel.curves:
        if curve.steps.size:
            _draw_curve(axes, curve)
    for label, color, value in panel.levels:
        axes.axhline(value, color=color, linestyle="--", linewidth=1.4, label=label)
    if panel.from_zero:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))  # a D that has won lies on the axis
    shown, _ = axes.get_legend_handles_labels()
    axes.set_title(panel.title, loc="left", fontsize=11, pad=8 + 16 * math.ceil(len(shown) / 3))
    axes.set_xlabel("step")
    axes.set_ylabel(panel.y_label)
    axes.set_xlim(left=0.0)  # a single record would get several ticks of its own step
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if shown:  # between title and axes, where it can hide no curve
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 0.99), "borderaxespad": 0.2}
        axes.legend(**place, ncols=min(len(shown), 3), frameon=False, fontsize=9, handlelength=1.6, columnspacing=1.2)


def _draw_curve(axes: "Axes", curve: _Curve) -> None:
    steps, values = curve.steps, curve.values
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


def save_figure(figure: "Figure", path: Path) -> None:
    """Saves a figure as a PNG file; an earlier one is replaced in one go."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), replacing(path) as temporary:
        figure.savefig(temporary, format="png")
