"""What a comparison of experiments leaves behind: two figures, two tables, and a page that holds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.config import Config
from pix2pix_jax.evaluation import TABLE_NOTE, Baselines, Merits, Table, gray_images, merits_table, summarize
from pix2pix_jax.figures.curves import draw_comparison_curves, save_figure
from pix2pix_jax.figures.page import Picture, html_page, markdown_page
from pix2pix_jax.figures.sheets import Group, save_sheet
from pix2pix_jax.files import write_text
from pix2pix_jax.losses import shown_terms
from pix2pix_jax.runs import Record
from pix2pix_jax.tasks import ColorizationTask, LabColorizationTask

_GUESSING = {"d_loss": 2 * np.log(2), "g_bce": np.log(2)}

_LOSS_NOTE = (
    "Means over the last tenth of the steps; L1 in the networks' units, [-1, 1]. The time is that of the training steps"
    " alone."
)
_GUESSING_NOTE = (
    " A D that can but guess has a loss of 2 ln 2 = 1.39, and G's cross-entropy is then ln 2 = 0.69: the lower the"
    " first and the higher the second, the more D overpowers G."
)


@dataclass(frozen=True)
class Run:
    """One experiment, trained.

    Attributes:
        config: its config.
        records: its metrics, as `pix2pix_jax.runs.read_metrics` gives them.
        merits: of the held-out photographs it coloured.
        colored: the first few of them, RGB uint8 [n, H, W, 3].
    """

    config: Config
    records: Sequence[Record]
    merits: Merits
    colored: NDArray[np.uint8]

    @property
    def heading(self) -> str:
        """Its name, and what its networks do, in three short lines."""
        task = self.config.task
        if isinstance(task, LabColorizationTask):
            seen = ("D sees Lab" if task.discriminator_sees_gray else "D sees ab") if task.adversarial else "no D"
            return f"{self.config.name}\nL → ab\n{seen}"
        assert isinstance(task, ColorizationTask)
        predicted = "Y → CrCb" if task.generator_makes == "chroma" else "grey → RGB"
        seen = {"rgb": "D sees RGB", "ycrcb": "D sees YCrCb", "none": "no D"}[task.discriminator_sees]
        return f"{self.config.name}\n{predicted}\n{seen}{' + grey' if task.discriminator_sees_gray else ''}"

    @property
    def minutes(self) -> float:
        """Time that its training steps took, by its own records."""
        seconds, last = 0.0, 0
        for record in self.records:
            if pace := record.get("images_per_second"):
                seconds += (record["step"] - last) * self.config.batch_size / pace
                last = record["step"]
        return seconds / 60

    def last_losses(self) -> dict[str, float]:
        """Means of its loss terms over the last tenth of its steps."""
        begin = 0.9 * max(record["step"] for record in self.records)
        last = [record for record in self.records if record["step"] > begin and "g_loss" in record]
        return {name: float(np.mean([record[name] for record in last])) for name in shown_terms(last[0])}


def losses_table(runs: Mapping[str, Run]) -> Table:
    """The losses of the runs at their end, beside those of a D that guesses where these are known."""
    losses = {name: run.last_losses() for name, run in runs.items()}
    terms = shown_terms(name for found in losses.values() for name in found)

    def cells(found: Mapping[str, float]) -> list[str]:
        return [f"{found[term]:.3f}" if term in found else "" for term in terms]

    rows = [[name, *cells(losses[name]), f"{run.minutes:.1f}"] for name, run in runs.items()]
    if guessing := _guessing(runs):
        rows.append(["D guesses", *cells(guessing), ""])
    return Table(("", *(term.label for term in terms.values()), "minutes"), rows)


def _guessing(runs: Mapping[str, Run]) -> Mapping[str, float]:
    """The losses where D can only guess; none unless they are known of every D of the runs."""
    objectives = [run.config.objective for run in runs.values() if run.config.task.adversarial]
    found = {(each.gan, each.discriminator_factor, each.real_label) for each in objectives}
    return _GUESSING if found == {("vanilla", 1.0, 1.0)} else {}


def write_comparison(
    folder: Path, runs: Mapping[str, Run], shown: NDArray[np.uint8], baselines: Baselines, setting: str
) -> str:
    """Writes `comparison.png`, `comparison_curves.png`, and `comparison` as .md, .html and .json.

    Args:
        folder: where to.
        runs: the experiments by name.
        shown: the photographs that the figure shows, uint8 RGB [n, H, W, 3]; as many as the runs' `colored`.
        baselines: those of all held-out photographs.
        setting: how the experiments were trained and evaluated, in a sentence or two.

    Returns:
        Both tables as plain text.
    """
    steps = max(record["step"] for run in runs.values() for record in run.records)
    columns = {"grey\nwhat G sees": gray_images(shown)}
    columns |= {run.heading: run.colored for run in runs.values()} | {"truth": shown}
    sheet = Picture(folder / "comparison.png", "The same photographs, a column an experiment")
    save_sheet(sheet.path, f"The same held-out photographs after {steps:,} steps of each experiment", [Group(columns)])
    curves = Picture(folder / "comparison_curves.png", "Loss curves of the experiments on common axes")
    guessing = _guessing(runs)
    save_figure(draw_comparison_curves({name: run.records for name, run in runs.items()}, guessing), curves.path)
    merits = merits_table({name: run.merits for name, run in runs.items()}, baselines)
    losses = losses_table(runs)
    title = f"{len(runs)} experiments, trained alike" if len(runs) > 1 else "One experiment"
    note = _LOSS_NOTE + (_GUESSING_NOTE if guessing else "")
    parts = [setting, sheet, "## How near the colours come", merits, TABLE_NOTE, "## Losses", curves, losses, note]
    write_text(folder / "comparison.md", markdown_page(title, parts))
    write_text(folder / "comparison.html", html_page(title, parts))
    write_text(folder / "comparison.json", json.dumps(_figures(runs, baselines, setting), indent=1) + "\n")
    return f"{merits.plain()}\n\n{losses.plain()}"


def _figures(runs: Mapping[str, Run], baselines: Baselines, setting: str) -> dict[str, object]:
    truth = baselines.truth_colorfulness
    experiments = {
        name: summarize(run.merits, truth) | {"losses": run.last_losses(), "minutes": run.minutes}
        for name, run in runs.items()
    }
    return {
        "setting": setting,
        "experiments": experiments,
        "baselines": {name.replace(" ", "_"): summarize(each, truth) for name, each in baselines.merits.items()},
        "tints": {name.replace(" ", "_"): tint._asdict() for name, tint in baselines.tints.items()},
        "truth": summarize({"colorfulness": truth}),
    }
