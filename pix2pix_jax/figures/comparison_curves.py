"""The curves of several experiments on common axes, as a PNG file."""

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pix2pix_jax.figures.curves import collect, moving_average, style_axes
from pix2pix_jax.figures.drawing import DPI, save_figure
from pix2pix_jax.runs import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#8F4E8B", "#E69F00")
_LINES = ("-", "--", ":")  # the sixth experiment has another line
_GREY = "#555555"


class _Panel(NamedTuple):
    key: str
    title: str
    y_label: str
    level: float | None = None  # a dashed line to hold the curves against: D guesses
    level_key: str = ""  # where the records hold that line


_PANELS = (
    _Panel("d_loss", "Loss of D", "loss", 2 * math.log(2)),
    _Panel("g_bce", "Cross-entropy of G", "cross-entropy (nats)", math.log(2)),
    _Panel("g_gan", "Adversarial loss of G", "loss"),
    _Panel("g_l1_rgb", "L1 of RGB", "mean absolute error"),
    _Panel(
        "eval/ciede2000",
        "Colour difference, held out (dashed: the grey image)",
        "ΔE (CIEDE2000)",
        level_key="eval/gray_ciede2000",
    ),
)


def save_comparison_curves(path: str | os.PathLike[str], runs: Mapping[str, Sequence[Record]], guessing: bool) -> None:
    """Saves the losses of D and G, the L1 and the colour difference of several experiments.

    Where D overpowers G, its loss lies near 0 and G's cross-entropy climbs. Long curves are drawn faint, under a moving
    average.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        runs: records of each experiment by its name, as `pix2pix_jax.metrics.read_metrics` gives them.
        guessing: whether to draw what the cross-entropies are where D can but guess, which holds for D's whole loss of
            the vanilla objective alone.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    panels = [panel for panel in _PANELS if any(panel.key in record for run in runs.values() for record in run)]
    figure = Figure(
        figsize=(11.5, 0.5 + 3.6 * math.ceil(len(panels) / 2)),
        dpi=DPI,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12),
    )
    grid = figure.add_gridspec(math.ceil(len(panels) / 2), 2)
    for place, panel in enumerate(panels):
        if panel.level is not None:
            name = f"{panel.title} (dashed: D guesses)"
            panel = panel._replace(title=name) if guessing else panel._replace(level=None)
        _draw_panel(figure.add_subplot(grid[divmod(place, 2)]), panel, runs)
    handles = [Line2D([], [], color=color, linestyle=line, linewidth=2.5) for (line, color), _ in _styled(runs)]
    columns = min(len(runs), 5)
    figure.legend(handles, list(runs), loc="outside upper center", ncols=columns, frameon=False, fontsize=11)
    save_figure(figure, path)


def _styled(runs: Mapping[str, Sequence[Record]]) -> Iterator[tuple[tuple[Any, str], Sequence[Record]]]:
    """Line and colour of each run, and its records."""
    return zip(itertools.cycle(itertools.product(_LINES, _COLORS)), runs.values(), strict=False)


def _draw_panel(axes: "Axes", panel: _Panel, runs: Mapping[str, Sequence[Record]]) -> None:
    level = panel.level
    for (line, color), records in _styled(runs):
        steps, values = collect(records, panel.key)
        window = steps.size // 40
        if window >= 5:
            axes.plot(steps, values, color=color, linewidth=0.6, alpha=0.25)
            values = moving_average(values, window)
        marker = "o" if 0 < steps.size <= 40 else ""
        axes.plot(steps, values, color=color, linestyle=line, linewidth=1.8, marker=marker, markersize=3.5)
        if panel.level_key and (constants := collect(records, panel.level_key)[1]).size:
            level = float(constants[-1])
    axes.set_xlim(0, 1.02 * max(record["step"] for records in runs.values() for record in records))
    style_axes(axes, panel.title, panel.y_label, pad=8)
    if panel.key in ("d_loss", "g_bce"):
        axes.set_ylim(bottom=0.0)  # a D that has won lies on the axis
    if level is not None:
        axes.axhline(level, color=_GREY, linestyle="--", linewidth=1.2)
