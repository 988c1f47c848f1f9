"""Judges a generator that translates; a part of `pix2pix-evaluate`."""

import sys
from argparse import Namespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pix2pix_jax import data, files
from pix2pix_jax.color import as_stored
from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import (
    LAB_NOTE,
    PAIR_MEASURES,
    PAIRS_NOTE,
    Merits,
    by_file,
    judge,
    lab_intersection,
    measure_each,
    pair_baselines,
    pairs_table,
    summarize,
)
from pix2pix_jax.figures import Gallery, write_evaluation
from pix2pix_jax.inference import TrainedGenerator


def evaluate_pairs(generator: TrainedGenerator, arguments: Namespace) -> None:
    """Judges a generator that translates, writes what came of it, and prints the table.

    Args:
        generator: the generator.
        arguments: `data`, `checkpoint`, `step`, `out`, `all` and `seed`, as the command takes them.

    Raises:
        UserError: if the pairs cannot be read, or nothing can be written.
    """
    if arguments.all:
        raise UserError("--all is for generators that colour: of pairs, index.html shows all")
    config = generator.config
    source = data.open_pair_folder(config, arguments.data, "--data")
    files.make_folder(arguments.out, "--out")
    names, pairs = data.load_named_crops(source, config.image_size, config.data.resize)
    inputs, truth = np.split(pairs, [config.task.condition_channels], axis=-1)
    height, width = truth.shape[1:3]
    merits, made = _judged(generator, inputs, truth, arguments.seed)
    baselines = pair_baselines(inputs, truth)
    rows = {"translated": merits}
    rows |= {name: measure_each(images, truth, PAIR_MEASURES) for name, images in baselines.items()}
    shown = {"translated": made, **baselines}
    lab = {name: lab_intersection(images, truth) for name, images in shown.items()} if truth.shape[-1] == 3 else {}

    remark = f" ({source.remark})" if isinstance(source, data.PairSource) and source.remark else ""
    setting = (
        f"{len(names):,} pairs{remark}, {width}×{height}, translated by {arguments.checkpoint} ({config.name}, test"
        f" time {config.test_time}, seed {arguments.seed})"
    )
    if source.skipped:
        setting += f"; {len(source.skipped):,} files that could not be read were left out"
    table = pairs_table(rows, lab)
    report = {
        "checkpoint": arguments.checkpoint,
        "step": arguments.step,
        "experiment": config.name,
        "pairs": len(names),
        "height": height,
        "width": width,
        "test_time": config.test_time,
        "seed": arguments.seed,
        "unreadable": source.skipped,
        **{
            name.replace(" ", "_"): summarize(row) | ({"lab_intersection": lab[name]} if lab else {})
            for name, row in rows.items()
        },
        "images": by_file(names, merits),
    }
    gallery = Gallery(names, {"input": inputs, "output": made, "truth": truth}, merits)
    notes = [PAIRS_NOTE, *([LAB_NOTE] if lab else [])]
    write_evaluation(arguments.out, report, setting, table, notes, gallery)
    print(f"{setting}\n\n{table.plain()}\n")
    print(f"written to {arguments.out}; {arguments.out / 'index.html'} shows all images")


def _judged(
    generator: TrainedGenerator, inputs: NDArray[Any], truth: NDArray[Any], seed: int
) -> tuple[Merits, NDArray[Any]]:
    """What `judge` gives, measured in the depth of the truth, with a progress bar."""
    height, width = truth.shape[1:3]
    print(f"translating and measuring {len(truth):,} pairs of {width}×{height}", file=sys.stderr)
    with tqdm(total=len(truth), unit="pair", disable=None) as bar:

        def translated(images: NDArray[Any]) -> NDArray[Any]:
            bar.update(len(images))
            return as_stored(generator.translate(images, seed), truth.dtype)

        return judge(translated, inputs, truth, PAIR_MEASURES)
