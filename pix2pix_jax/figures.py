"""The pictures of a run: sheets of sample images and curves of its metrics, as PNG files.

Matplotlib is imported inside the functions, since it takes about half a second, and is used without
pyplot, so that nothing here touches a display or another figure.
"""

import itertools
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Record = Mapping[str, Any]

# A power of two, so that pixels / dpi * dpi gives back exactly the pixels.
_DPI = 128
_TILE_PIXELS = 192
_MARGIN, _GUTTER, _GAP, _ROW_GAP = 20, 4, 32, 10
_LABEL_PIXELS, _TITLE_PIXELS = 18, 24

# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#8F4E8B"
_GREY = "#777777"


def save_samples(
    path: str | os.PathLike[str],
    gray: NDArray,
    colored: NDArray,
    truth: NDArray,
    title: str = "",
    labels: tuple[str, str, str] = ("grey", "coloured", "truth"),
) -> None:
    """Saves a labelled sheet of held-out images: each beside G's version of it and the truth.

    Every pixel of an image becomes a square of whole pixels. An earlier file is replaced in one go.

    Args:
        path: PNG file to write.
        gray: What G is given: [N, H, W], [N, H, W, 1] or [N, H, W, 3], uint8 or floating point in
            [0, 1].
        colored: What G makes of it: [N, H, W, 3], uint8 or floating point in [0, 1].
        truth: The images themselves, like `colored`.
        title: Line above the sheet; broken where it does not fit.
        labels: Names of the three columns.

    Raises:
        ValueError: The shapes do not fit together, or there is no image.
    """
    from matplotlib.figure import Figure

    strips = _make_strips(gray, colored, truth)
    columns = _choose_columns(len(strips), *strips.shape[1:3])
    width = 2 * _MARGIN + columns * (strips.shape[2] + _GAP) - _GAP
    # DejaVu Sans letters are about 0.6 of the font size wide.
    letters = int((width - 2 * _MARGIN) / (0.6 * _TITLE_PIXELS))
    title_lines = textwrap.wrap(title, letters, break_on_hyphens=False)
    top = _MARGIN + round(1.4 * _TITLE_PIXELS * len(title_lines) + 1.6 * _LABEL_PIXELS)
    sheet = _make_sheet(strips, columns, top)

    figure = Figure(figsize=(width / _DPI, len(sheet) / _DPI), dpi=_DPI)
    figure.figimage(sheet, origin="upper")
    for line, text in enumerate(title_lines):
        y = _MARGIN + (line + 0.8) * _TITLE_PIXELS * 1.4
        _write_text(figure, _MARGIN, y, text, _TITLE_PIXELS, "left")
    tile_width = (strips.shape[2] - 2 * _GUTTER) // 3
    for column, position in itertools.product(range(columns), range(3)):
        left = column * (strips.shape[2] + _GAP) + position * (tile_width + _GUTTER)
        x, y = _MARGIN + left + tile_width / 2, top - 0.5 * _LABEL_PIXELS
        _write_text(figure, x, y, labels[position], _LABEL_PIXELS, "center")
    _save(figure, path)


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
    _save(draw_curves(records, title), path)


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
        dpi=_DPI,
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
        "cross-entropy (nats)",
        (
            _Series("d_loss", "D (real + fake)", _BLUE),
            _Series("g_bce", "G cross-entropy", _ORANGE),
        ),
        from_zero=True,  # a D that has won lies on the axis
    ),
    _Panel(
        "L1 terms of G",
        "mean absolute error",
        (
            _Series("g_l1_rgb", "L1 of RGB", _GREEN),
            _Series("g_l1_chroma", "L1 of CrCb", _PURPLE),
        ),
    ),
    _Panel(
        "PSNR (higher is better)",
        "PSNR (dB)",
        (
            _Series("eval/psnr", "predicted", _BLUE),
            _Series("eval/gray_psnr", "grey image", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "Colour difference (lower is better)",
        "ΔE (CIEDE2000)",
        (
            _Series("eval/ciede2000", "predicted", _BLUE),
            _Series("eval/gray_ciede2000", "grey image", _GREY, dashed=True),
        ),
    ),
    _Panel(
        "Colourfulness (nearer to the truth is better)",
        "colourfulness (Hasler-Süsstrunk)",
        (
            _Series("eval/colorfulness", "predicted", _BLUE),
            _Series("eval/gray_colorfulness", "grey image", _GREY, dashed=True),
            _Series("eval/truth_colorfulness", "truth", _GREEN, dashed=True),
        ),
    ),
)


def _draw_panel(axes: "Axes", panel: _Panel, records: Sequence[Record]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for series in panel.series:
        steps, values = _collect(records, series.key)
        if steps.size:
            _draw_series(axes, series, steps, values)
    if panel.from_zero:
        axes.set_ylim(bottom=0.0)
    axes.set_title(panel.title, loc="left", fontsize=11, pad=24)
    axes.set_xlabel("step")
    axes.set_ylabel(panel.y_label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
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
        values = _moving_average(values, window)
    marker = "o" if steps.size <= 40 else ""
    style = {"linewidth": 1.6, "marker": marker, "markersize": 4}
    axes.plot(steps, values, color=series.color, label=series.label, **style)


def _collect(records: Sequence[Record], key: str) -> tuple[NDArray, NDArray]:
    """Gives the steps and values of the records that hold `key`; what was not finite is NaN."""
    points = [(record["step"], record[key]) for record in records if key in record]
    steps = np.array([step for step, _ in points], np.float64)
    values = np.array([math.nan if value is None else value for _, value in points], np.float64)
    return steps, values


def _moving_average(values: NDArray, window: int) -> NDArray:
    """Averages over a centred window that shrinks at the ends; what is not finite is left out."""
    finite = np.isfinite(values)
    kernel = np.ones(window)
    total = np.convolve(np.where(finite, values, 0.0), kernel, mode="same")
    count = np.convolve(finite.astype(np.float64), kernel, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1.0), math.nan)


def _make_strips(gray: NDArray, colored: NDArray, truth: NDArray) -> NDArray[np.uint8]:
    """Puts the three versions of each image side by side, enlarged: [N, height, width, 3]."""
    if colored.ndim != 4 or colored.shape[-1] != 3 or colored.size == 0:
        raise ValueError(f"expected images of shape [N, H, W, 3], got {list(colored.shape)}")
    if gray.ndim == 3:
        gray = gray[..., None]
    if truth.shape != colored.shape or gray.shape[:3] != colored.shape[:3]:
        raise ValueError(
            f"gray {list(gray.shape)}, colored {list(colored.shape)} and truth {list(truth.shape)} must agree"
        )
    scale = max(1, round(_TILE_PIXELS / max(colored.shape[1:3])))
    tiles = [
        _to_bytes(np.broadcast_to(images, colored.shape)).repeat(scale, axis=1).repeat(scale, axis=2)
        for images in (gray, colored, truth)
    ]
    gutter = np.full((*tiles[0].shape[:2], _GUTTER, 3), 255, np.uint8)
    return np.concatenate([tiles[0], gutter, tiles[1], gutter, tiles[2]], axis=2)


def _make_sheet(strips: NDArray[np.uint8], columns: int, top: int) -> NDArray[np.uint8]:
    """Lays the strips out on white, row by row, `top` pixels below the upper edge."""
    count, strip_height, strip_width, _ = strips.shape
    row_step, column_step = strip_height + _ROW_GAP, strip_width + _GAP
    height = top + math.ceil(count / columns) * row_step - _ROW_GAP + _MARGIN
    width = 2 * _MARGIN + columns * column_step - _GAP
    sheet = np.full((height, width, 3), 255, np.uint8)
    for index, strip in enumerate(strips):
        row, column = divmod(index, columns)
        y, x = top + row * row_step, _MARGIN + column * column_step
        sheet[y : y + strip_height, x : x + strip_width] = strip
    return sheet


def _to_bytes(images: NDArray) -> NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images
    return np.round(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)


def _choose_columns(count: int, strip_height: int, strip_width: int) -> int:
    """Chooses how many triplets go side by side: a sheet near 3:2, with few empty places."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = (columns * (strip_width + _GAP)) / (rows * (strip_height + _ROW_GAP))
        empty = (rows * columns - count) / count
        return abs(math.log(shape / 1.5)) + 6.0 * empty

    return min(range(1, min(count, 4) + 1), key=cost)


def _write_text(figure: "Figure", x: float, y: float, text: str, pixels: float, alignment: str) -> None:
    """Writes text whose baseline is at pixel (x, y), counted from the top left."""
    width, height = figure.bbox.size
    figure.text(x / width, 1.0 - y / height, text, fontsize=pixels * 72 / _DPI, ha=alignment, va="baseline")


def _save(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Writes the PNG under another name and renames it, so that no reader sees half a file."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".tmp")
    figure.savefig(temporary, format="png", dpi=_DPI)
    temporary.replace(target)
