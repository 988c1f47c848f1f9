"""What the user of a run should know: before its steps, at each evaluation, and at its end."""

import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from pix2pix_jax.config import Config
from pix2pix_jax.evaluation import BESIDE, GRAY, compared
from pix2pix_jax.state import learning_rate
from pix2pix_jax.tasks import TranslationTask


def total_steps(config: Config, num_images: int) -> int:
    """Steps in a whole run over `num_images` training images: `num_steps`, or else what `num_epochs` come to."""
    return config.num_steps or math.ceil(config.num_epochs * num_images / config.batch_size)


def of_config(config: Config) -> Iterator[str]:
    """What in a config may well not be meant."""
    size, resize = config.image_size, config.data.resize
    if resize > 2 * size and config.data.preprocess not in ("crop", "none"):
        yield (
            f"config.data.resize={resize} is more than twice config.image_size={size}, so the networks see small parts"
            f" of the images: --config.data.resize={round(size * 7 / 6)} shows most of each"
        )


def of_changed_rate(before: Config, config: Config, num_images: int, start: int) -> Iterator[str]:
    """Where a run goes on with another learning rate than it was planned with, says so."""
    planned, total = total_steps(before, num_images), total_steps(config, num_images)
    old = learning_rate(before, planned, min(start, planned - 1))
    new = learning_rate(config, total, start)
    if start >= total or math.isclose(old, new, rel_tol=1e-3):
        return
    note = f"the learning rate changes from {old:.2g} to {new:.2g} at step {start:,}"
    if config.adam == before.adam and planned != total:  # else it is as was asked for
        note += (
            f", because adam.schedule={config.adam.schedule} now runs over {total:,} steps and not {planned:,}:"
            f" --config.adam.schedule_end={planned} keeps the last rate,"
            f" --config.adam.schedule_start={start} begins the schedule anew"
        )
    yield note


def verdict(record: Mapping[str, float]) -> tuple[str, list[str]]:
    """As `evaluation.compared`, of an evaluation and its main measure."""
    measure, digits = ("l1", 4) if "eval/l1" in record else ("ciede2000", 1)
    if record.get("eval/truth_colorfulness", GRAY) < GRAY:
        return "the held-out photographs are grey, so there is no colour to evaluate", []
    keys = {name: f"eval/{row}_{measure}" for row, name in BESIDE.items()}
    others = {name: record[key] for name, key in keys.items() if key in record}
    return compared(record[f"eval/{measure}"], others, digits)


def at_the_end(config: Config, workdir: Path, record: Mapping[str, float]) -> Iterator[str]:
    """How good a run is by its last evaluation, what may help where that is not enough, and the command to use it."""
    words, lost = verdict(record)
    yield f"in the end: {words}"
    translates = isinstance(config.task, TranslationTask)
    if config.warm_start and BESIDE["start"] in lost:
        yield (
            f"{config.warm_start} itself is as good on the held-out images: use it, or train on more photographs, or"
            " with a lower adam.learning_rate"
        )
    elif lost:
        package = "" if translates or config.warm_start else ", or with --config=configs/pretrained_encoder.py"
        yield f"to beat the {' and the '.join(lost)}, train for longer, or on more images{package}"
    command = "pix2pix-translate IMAGE" if translates else "pix2pix-colorize PHOTO"
    yield f"done: {workdir}; to use it: {command} --checkpoint {shlex.quote(str(workdir))}"
