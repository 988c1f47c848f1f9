"""Trains the experiments alike and shows them side by side: `pix2pix-compare --data FOLDER [--minutes M]`."""

import contextlib
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np

from pix2pix_jax import data, files, host
from pix2pix_jax.commands import cli, cpu, stopping
from pix2pix_jax.commands.arguments import add_flags, make_parser, positive_float, positive_int, refuse_earlier
from pix2pix_jax.commands.config_dict import apply_settings
from pix2pix_jax.config import EXPERIMENTS, Config, experiment_config, updated, validate
from pix2pix_jax.data.sources import open_folders
from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import evaluate, evaluate_baselines
from pix2pix_jax.figures import Run, write_comparison
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import load_trained
from pix2pix_jax.runs import METRICS_FILE, newest, read_metrics
from pix2pix_jax.state import build_model
from pix2pix_jax.tasks import TranslationTask
from pix2pix_jax.training import parallel
from pix2pix_jax.training.loop import check, train
from pix2pix_jax.training.warm_start import load_beginning

_MINUTES = 60.0  # where neither --steps nor --minutes is given
_TIMED_STEPS = 4

# Keys that have an argument of their own.
_ARGUMENTS = {
    "batch_size": "--batch-size",
    "num_steps": "--steps",
    "num_epochs": "--steps",
    "data.source": "--data",
    "data.root": "--data",
    "data.eval_root": "--eval-data",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; its arguments are the process's own where they are None."""
    cli.run_command(lambda: _compare(_parser().parse_args(arguments)), stopping.has_something_to_save)


def _parser() -> ArgumentParser:
    parser = make_parser(
        "pix2pix-compare",
        description="Trains the experiments alike (the same photographs in the same order, the same number of steps,"
        " one seed), evaluates them on the same held-out photographs, and writes figures, tables and a page. If it is"
        " stopped, the same command resumes.",
    )
    parser.add_argument("--data", required=True, metavar="FOLDER", help="photographs to train on, searched recursively")
    parser.add_argument("--eval-data", default="", metavar="FOLDER", help="photographs to evaluate on (5 %% of --data)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=positive_int, metavar="N", help="steps of each experiment")
    length.add_argument(
        "--minutes",
        type=positive_float,
        metavar="M",
        help=f"time for the training steps of all experiments together ({_MINUTES:g}); a few steps of each are timed"
        " first, and all get the same number",
    )
    parser.add_argument(
        "--experiments", default=",".join(EXPERIMENTS), metavar="A,B,…", help="which of %(default)s (all of them)"
    )
    parser.add_argument(
        "--batch-size", type=positive_int, default=64, metavar="B", help="64; the recipe's is 512, for a GPU"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="a key of the config, for all experiments, such as adam.schedule=linear; may be given more than once",
    )
    parser.add_argument("--show", type=positive_int, default=8, metavar="N", help="photographs in the figure (8)")
    parser.add_argument(
        "--workdir",
        type=partial(typed_path, what="--workdir"),
        default=Path("runs/compare"),
        metavar="DIR",
        help="for the runs (runs/compare)",
    )
    parser.add_argument(
        "--out",
        type=partial(typed_path, what="--out"),
        metavar="DIR",
        help="for figures, tables and the page (the workdir)",
    )
    add_flags(parser, "--overwrite")
    return parser


def _compare(options: Namespace) -> None:
    """Trains what is not trained yet, evaluates all, writes the comparison, and prints its tables."""
    configs = _configs(options)
    workdir, out = options.workdir, options.out or options.workdir
    _keep_earlier(out / "comparison.json", configs, options.overwrite)
    files.make_folder(workdir, "--workdir")
    files.make_folder(out, "--out")
    folders = configs[0].data
    train_source, source = open_folders(
        folders.root, folders.eval_root, folders.eval_fraction, shorter_side=folders.resize
    )
    cli.use_compilation_cache()
    host.keep_freed_memory()
    steps = options.steps or _plan_steps(workdir / "plan.json", configs, options.minutes or _MINUTES)
    tenth = max(1, steps // 10)
    intervals = {"num_steps": steps, "log_every_steps": max(1, steps // 400), "eval_every_steps": tenth}
    intervals |= {"checkpoint_every_steps": tenth, "sample_every_steps": 5 * tenth}
    configs = [apply_settings(updated(config, intervals), options.settings) for config in configs]
    for config in configs:
        taken = newest(workdir / config.name / "checkpoints")
        if taken > steps:
            raise UserError(
                f"{workdir / config.name} has taken {taken:,} steps, more than the {steps:,} asked for:"
                f" give --steps {taken} or more, or choose another --workdir"
            )
        check(config, workdir / config.name)
    for place, config in enumerate(configs, start=1):
        print(f"{config.name}, {place} of {len(configs)}: {steps:,} steps", file=sys.stderr)
        train(config, workdir / config.name, stopping.stop_request())

    first = configs[0]
    names, images = data.load_named_crops(source, first.image_size, first.data.resize)
    print(f"evaluating on {len(names):,} photographs", file=sys.stderr)
    runs = {}
    for config in configs:
        folder = workdir / config.name
        merits, colored = evaluate(load_trained(folder).colorize, images, images)
        runs[config.name] = Run(config, read_metrics(folder / METRICS_FILE), merits, colored[: options.show])
    setting = (
        f"Each experiment took {steps:,} steps in batches of {first.batch_size} ({first.image_size}×"
        f"{first.image_size}, {first.dtype}) from seed {first.seed}, on the same {len(train_source):,} photographs in"
        f" the same order, and is evaluated on the same {len(names):,} others."
    )
    tables = write_comparison(out, runs, images[: options.show], evaluate_baselines(images), setting)
    print(f"{setting}\n\n{tables}\n\nwritten to {out}")


def _keep_earlier(earlier: Path, configs: Sequence[Config], overwrite: bool) -> None:
    """Raises UserError if there is a comparison of other experiments, which this one would replace."""
    there: set[str] = set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        there = set(json.loads(earlier.read_text(encoding="utf-8"))["experiments"])
    if missing := sorted(there - {config.name for config in configs}):
        refuse_earlier(earlier, overwrite, f"a comparison with {', '.join(missing)} too")


def _configs(options: Namespace) -> list[Config]:
    """The configs of the experiments asked for, alike but for what makes them different."""
    for setting in options.settings:
        if argument := _ARGUMENTS.get(setting.partition("=")[0]):
            raise UserError(f"--set {setting}: give {argument} instead")
    same = {
        "batch_size": options.batch_size,
        "data.source": "folder",
        "data.root": options.data,
        "data.eval_root": options.eval_data,
    }
    names = dict.fromkeys(name.strip() for name in options.experiments.split(","))
    configs = [apply_settings(updated(experiment_config(name), same), options.settings) for name in names]
    cpu.update_in_place()
    cpu.one_device_per_core(configs[0])
    cli.check_devices()
    for config in configs:
        if isinstance(config.task, TranslationTask):
            raise UserError(f"{config.name} translates pairs, and what is compared colours photographs: leave it out")
        validate(config, jax.device_count())
        load_beginning(config)
    return configs


def _plan_steps(path: Path, configs: Sequence[Config], minutes: float) -> int:
    """The number of steps that all experiments can take in a time, kept so that a second call has the same."""
    first = configs[0]
    wanted = {"minutes": minutes, "experiments": sorted(config.name for config in configs)}
    # What a step's time depends on.
    wanted |= {"batch_size": first.batch_size, "image_size": first.image_size, "dtype": first.dtype}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        plan = json.loads(path.read_text(encoding="utf-8"))
        if wanted.items() <= plan.items():
            return int(plan["steps"])
    seconds = {}
    for config in configs:
        seconds[config.name] = _seconds_per_step(config)
        print(f"{config.name}: {seconds[config.name]:.3g} s a step", file=sys.stderr)
    steps = max(1, int(60 * minutes / sum(seconds.values())))
    files.write_text(path, json.dumps({**wanted, "steps": steps, "seconds_per_step": seconds}, indent=1) + "\n")
    return steps


def _seconds_per_step(config: Config) -> float:
    """Times a few steps on noise, after the one that compiles."""
    model = build_model(config, total_steps=_TIMED_STEPS)
    train_step = parallel.parallel_train_step(model)
    state = parallel.place(model.init_compiled(jax.random.key(config.seed)))
    devices = jax.local_device_count()
    shape = (devices, config.batch_size // devices, config.image_size, config.image_size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    seconds = []
    for _ in range(1 + _TIMED_STEPS):
        start = time.perf_counter()
        state, metrics = train_step(state, images)
        jax.block_until_ready((state, metrics))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))
