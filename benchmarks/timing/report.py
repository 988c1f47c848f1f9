"""Turns stored results of the throughput benchmark into tables and a bar chart.

    python -m benchmarks.timing.report [--readme FILE.md] [--chart FILE.png]

It takes the newest result of each device in `benchmarks/results/`. With `--readme`, the tables go between that file's
lines `<!-- throughput:begin -->` and `<!-- throughput:end -->`; without, they are printed.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from pix2pix_jax.evaluation import Table

BEGIN = "<!-- throughput:begin -->"
END = "<!-- throughput:end -->"

Result = Mapping[str, Any]
"""What `throughput.py --json` wrote, or one of its rows."""

_CROWDED = 0.05  # share of the cores that other programs may take before a result is called unreliable
_FOLDER = Path(__file__).resolve().parents[1] / "results"
_OURS, _THEIRS = "#d95f02", "#8da0cb"
_TITLES = {"step": "Training step", "inference": "Colouring alone"}
_COLUMNS = "precision|step|images/s|× best PyTorch, same precision|× best PyTorch|peak memory|per image|compile"


def main(given: Sequence[str] | None = None) -> None:
    """Reads results, and writes or prints what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", type=Path, metavar="FILE.md", help="file with the two marker lines, for the tables")
    parser.add_argument("--chart", type=Path, metavar="FILE.png", help="file for the bar chart")
    arguments = parser.parse_args(given)
    results = newest_results(_FOLDER)
    tables = "\n\n".join(markdown(result) for result in results)
    if arguments.readme:
        write_between_markers(arguments.readme, tables)
    else:
        print(tables)
    if arguments.chart:
        draw(results, arguments.chart)


def newest_results(folder: Path) -> list[Result]:
    """The newest result of each device, the newest device first."""
    date = itemgetter("date")
    results = sorted((json.loads(path.read_text()) for path in folder.glob("*.json")), key=date)
    return sorted({result["device"]: result for result in results}.values(), key=date, reverse=True)


def write_between_markers(readme: Path, text: str) -> None:
    """Replaces what is between the two markers."""
    before, found_begin, rest = readme.read_text().partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not found_begin or not found_end:
        sys.exit(f"error: {readme} has no lines {BEGIN} and {END}, in this order")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


# --- Tables --------------------------------------------------------------------------------------


def markdown(result: Result) -> str:
    """All tables of one result."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    side = result["image_size"]
    caption = (
        f"{result['device']}; `{result['experiment']}`, batch {result['batch_size']} of {side}×{side}, median (range)"
        f" of {result['steps']} steps in turns; {versions}; {result['date'][:10]}; `{result['command']}`."
    )
    if (result["others_share"] or 0) > _CROWDED:
        caption += (
            f"\n**Unreliable: other programs took {result['others_share']:.0%} of the cores meanwhile.** This slows"
            " PyTorch's threads, which wait for each other, many times more than ours."
        )
    parts = [caption]
    for group, title in _TITLES.items():
        if rows := [row for row in result["rows"] if row["group"] == group]:
            parts.append(Table([title, *_COLUMNS.split("|")], [_row(row) for row in rows]).markdown())
    if result["scaling"]:
        heading = ["Devices (ours, float32)", "batch", "step", "images/s", "× one device"]
        parts.append(Table(heading, [_scaling_row(row) for row in result["scaling"]]).markdown())
        if result["scaling"][0]["virtual"]:
            parts.append(
                "These devices are virtual and share the same cores. So the table shows only what splitting costs"
                " (1.00 is nothing), not the speed of real devices."
            )
    return "\n\n".join(parts)


def _row(row: Result) -> list[str]:
    label = f"**{row['label']}**" if row["library"] == "ours" else row["label"]
    if row["compile_mode"] not in (None, "default"):
        label += f" ({row['compile_mode']})"
    if row["not_run"] is not None:
        return [label, row["precision"], f"not run: {row['not_run']}", *6 * [""]]
    low, high = row["spread"]
    return [
        label,
        row["precision"],
        f"{_seconds(row['step_seconds'])} ({_seconds(low)} – {_seconds(high)})",
        _number(row["images_per_second"]),
        _ratio(row["ratio_same_precision"]),
        _ratio(row["ratio_any"]),
        f"{row['peak_bytes'] / 2**20:,.0f} MiB",
        f"{row['peak_bytes_per_image'] / 2**20:.1f} MiB",
        f"{row['compile_seconds']:.1f} s",
    ]


def _scaling_row(row: Result) -> list[str]:
    start = [str(row["devices"]), str(row["batch_size"])]
    if row["not_run"] is not None:
        return [*start, f"not run: {row['not_run']}", "", ""]
    return [*start, _seconds(row["step_seconds"]), _number(row["images_per_second"]), _ratio(row["times_one_device"])]


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.0f} ms" if seconds >= 0.1 else f"{1e3 * seconds:.2f} ms"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


# --- Chart ---------------------------------------------------------------------------------------


def draw(results: Sequence[Result], path: Path) -> None:
    """Draws images per second as bars: a row of panels for each device, steps on the left, colouring on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    groups = [group for group in _TITLES if any(_ran(result, group) for result in results)]
    heights = [max(len(_ran(result, group)) for group in groups) for result in results]
    size = (8.0 * len(groups), sum(0.36 * height + 1.3 for height in heights) + 0.5)
    figure, panels = plt.subplots(
        len(results), len(groups), squeeze=False, figsize=size, layout="constrained", height_ratios=heights
    )
    for result, row in zip(results, panels, strict=True):
        for group, panel in zip(groups, row, strict=True):
            _draw_bars(panel, _ran(result, group))
            side = result["image_size"]
            panel.set_title(f"{_TITLES[group]}, batch {result['batch_size']} of {side}×{side}\n{result['device']}")
    legend = [Patch(color=_OURS, label="pix2pix_jax"), Patch(color=_THEIRS, label="PyTorch")]
    figure.legend(handles=legend, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _ran(result: Result, group: str) -> list[Result]:
    """Rows to draw, those of a precision together."""
    rows = [row for row in result["rows"] if row["group"] == group and row["not_run"] is None]
    return sorted(rows, key=lambda row: row["precision"] != "float32")


def _draw_bars(panel: Any, rows: Sequence[Result]) -> None:
    gap = 0.7  # between the precisions
    places = [place + gap * (row["precision"] != "float32") for place, row in enumerate(rows)]
    speeds = [row["images_per_second"] for row in rows]
    bars = panel.barh(places, speeds, color=[_OURS if row["library"] == "ours" else _THEIRS for row in rows])
    panel.bar_label(bars, [_number(speed) for speed in speeds], padding=3)
    panel.set_yticks(places, [f"{row['label'].removeprefix('PyTorch, ')}, {row['precision']}" for row in rows])
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.set_xlabel("images per second")
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
