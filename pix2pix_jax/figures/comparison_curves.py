"""The curves of several experiments on common axes, as a PNG file."""

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pix2pix_jax.figures.curves import COLORS, GREY, TERMS, Curve, Panel, collect, draw_panels
from pix2pix_jax.figures.drawing import save_figure
from pix2pix_jax.runs import Record

_LINES = ("-", "--", ":")  # the sixth experiment has another line


def save_comparison_curves(
    path: str | os.PathLike[str], runs: Mapping[str, Sequence[Record]], guessing: Mapping[str, float]
) -> None:
    """Saves the losses and the colour difference of several experiments.

    Where D overpowers G, its loss lies near 0 and G's cross-entropy climbs. Long curves are drawn faint, under a moving
    average.

    Args:
        path: PNG file to write; an earlier one is replaced in one go.
        runs: records of each experiment by its name, as `pix2pix_jax.metrics.read_metrics` gives them.
        guessing: what loss terms are where D can only guess, drawn as dashed lines.
    """
    from matplotlib.lines import Line2D

    looks = itertools.islice(itertools.cycle(itertools.product(_LINES, COLORS)), len(runs))
    styles: dict[str, tuple[str, Any]] = {name: (color, line) for name, (line, color) in zip(runs, looks, strict=True)}

    def curves(key: str) -> list[Curve]:
        return [collect(records, key, name, *styles[name]) for name, records in runs.items()]

    panels = []
    for term, label in TERMS.items():
        y_label = "mean absolute error" if "l1" in term else "loss"
        levels = [Curve("", GREY, np.zeros(1), np.array([guessing[term]]), is_level=True)] if term in guessing else []
        title = f"{label} (dashed: D guesses)" if levels else label
        panels.append(Panel(title, y_label, [*curves(term), *levels], from_zero=term in ("d_loss", "g_bce")))
    gray = collect(list(itertools.chain(*runs.values())), "eval/gray_ciede2000", "", GREY, is_level=True)
    title = "Colour difference, held out (dashed: the grey image)"
    panels.append(Panel(title, "ΔE (CIEDE2000)", [*curves("eval/ciede2000"), gray]))
    figure = draw_panels(panels, with_legends=False)
    handles = [Line2D([], [], color=color, linestyle=line, linewidth=2.5) for color, line in styles.values()]
    columns = min(len(runs), 5)
    figure.legend(handles, list(runs), loc="outside upper center", ncols=columns, frameon=False, fontsize=11)
    save_figure(figure, path)
