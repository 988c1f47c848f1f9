"""Judges a generator that translates; a part of `pix2pix-evaluate`."""

import sys
from argparse import Namespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pix2pix_jax import data, files
from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import (
    LAB_NOTE,
    PAIRS_NOTE,
    PairMerits,
    by_file,
    judge_pair_baselines,
    judge_pairs,
    pairs_table,
)
from pix2pix_jax.figures import Figure, Gallery, write_evaluation
from pix2pix_jax.inference import TrainedGenerator

_FIGURES = {"l1": ("L1", 4, True), "psnr": ("PSNR", 2, False), "ssim": ("SSIM", 3, False)}
_MADE = ("edges", "blurred", "masked")


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
    # Pairs as the run was trained on: two images each, or photographs of which one image of each pair is made.
    open_folder = data.open_made_folder if config.data.source in _MADE else data.open_pair_folder
    source = open_folder(config, arguments.data, "--data")
    files.make_folder(arguments.out, "--out")
    names, pairs = data.load_named_crops(source, config.image_size, config.data.resize)
    inputs, truth = np.split(pairs, [config.task.condition_channels], axis=-1)
    height, width = truth.shape[1:3]
    merits, made = _judged(generator, inputs, truth, arguments.seed)
    rows = {"translated": merits, **judge_pair_baselines(inputs, truth)}

    remark = f" ({source.remark})" if isinstance(source, data.PairSource) and source.remark else ""
    setting = (
        f"{len(names):,} pairs{remark}, {width}×{height}, translated by {arguments.checkpoint} ({config.name}, test"
        f" time {config.test_time}, seed {arguments.seed})"
    )
    if source.skipped:
        setting += f"; {len(source.skipped):,} files that could not be read were left out"
    table = pairs_table(rows)
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
        **{name.replace(" ", "_"): row.summary() for name, row in rows.items()},
        "images": by_file(names, merits.each),
    }
    gallery = Gallery(names, {"input": inputs, "output": made, "truth": truth}, _figures(merits))
    notes = [PAIRS_NOTE, *([LAB_NOTE] if merits.lab else [])]
    write_evaluation(arguments.out, report, setting, table, notes, gallery)
    print(f"{setting}\n\n{table.plain()}\n")
    print(f"written to {arguments.out}; {arguments.out / 'index.html'} shows all images")


def _judged(
    generator: TrainedGenerator, inputs: NDArray[Any], truth: NDArray[Any], seed: int
) -> tuple[PairMerits, NDArray[Any]]:
    """What `judge_pairs` gives, with a progress bar."""
    height, width = truth.shape[1:3]
    print(f"translating and measuring {len(truth):,} pairs of {width}×{height}", file=sys.stderr)
    with tqdm(total=len(truth), unit="pair", disable=None) as bar:

        def translated(images: NDArray[Any]) -> NDArray[Any]:
            images = generator.translate(images, seed)
            bar.update(len(images))
            return images

        return judge_pairs(translated, inputs, truth)


def _figures(merits: PairMerits) -> list[Figure]:
    return [
        Figure(heading, merits.each[name], digits, lower_is_better)
        for name, (heading, digits, lower_is_better) in _FIGURES.items()
        if name in merits.each
    ]
