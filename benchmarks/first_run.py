"""For the first minutes on a new accelerator: parity, throughput, a profile and a training run, one after the other.

    python benchmarks/first_run.py --out DIR [--data PHOTOGRAPHS] [--minutes 12] [--tiny]

DIR gets a log of each, throughput.json, the profile, the run with its samples and curves, and summary.json with what
came of each. What fails or takes too long does not keep the next from starting. It needs JAX, Flax, optax, Orbax and
Pillow; parity and PyTorch's rows need PyTorch. `--tiny` rehearses all of it on a CPU within minutes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script looks for modules in its own folder alone

import jax
import numpy as np

from pix2pix_jax.config import Config, experiment_config, updated
from pix2pix_jax.state import build_model
from pix2pix_jax.training import parallel, train

_ROOT = Path(__file__).resolve().parents[1]
_EXACT = {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}


class Job(NamedTuple):
    """One part.

    Attributes:
        name: of its log.
        share: of the minutes, at most.
        arguments: of Python.
        environment: what it needs beside what there is.
    """

    name: str
    share: float
    arguments: list[str]
    environment: dict[str, str]


def main() -> None:
    """Runs the parts, or one of those that have no program of their own."""
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.part:
        {"profile": _profile, "training": _train}[arguments.part](arguments)
        return
    summary = {}
    for job in jobs(arguments):
        summary[job.name] = _run(job, arguments.out, 60 * arguments.minutes * job.share)
        print(f"{job.name}: {summary[job.name]}", flush=True)
        (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for what comes of it")
    parser.add_argument("--data", metavar="DIR", help="photographs to train on; without it the bundled ones")
    parser.add_argument("--minutes", type=float, default=12.0, help="for everything")
    parser.add_argument("--tiny", action="store_true", help="small batches and few steps: a rehearsal")
    parser.add_argument("--part", choices=("profile", "training"), help=argparse.SUPPRESS)
    return parser.parse_args(given)


def jobs(arguments: argparse.Namespace) -> list[Job]:
    """The parts in their order, the most valuable first."""
    out, tiny = arguments.out, arguments.tiny
    sizes = ["--batch-size=4", "--image-size=32", "--steps=1"] if tiny else ["--batch-size=512"]
    again = [__file__, f"--out={out.resolve()}", *(["--tiny"] if tiny else [])]
    again += [f"--data={Path(arguments.data).resolve()}"] if arguments.data else []
    return [
        Job("parity", 0.2, ["-m", "benchmarks.parity.make_golden", "--report"], _EXACT),
        Job(
            "throughput",
            0.4,
            ["benchmarks/throughput.py", "--only=step", *sizes, f"--json={out.resolve() / 'throughput.json'}"],
            {},
        ),
        Job("profile", 0.1, [*again, "--part=profile"], {}),
        Job("training", 0.3, [*again, "--part=training"], {}),
    ]


def _run(job: Job, out: Path, seconds: float) -> dict[str, object]:
    """Runs a part; one that takes too long is asked to stop, and after 30 s made to."""
    start = time.perf_counter()
    with (out / f"{job.name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *job.arguments],
            cwd=_ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | job.environment,
        )
        stopped = False
        for patience, number in ((seconds, signal.SIGTERM), (30.0, signal.SIGKILL)):
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                stopped = True
                process.send_signal(number)
        status = process.wait()
    return {"status": status, "stopped": stopped, "seconds": round(time.perf_counter() - start, 1)}


def _config(arguments: argparse.Namespace) -> Config:
    small = {"batch_size": 8, "image_size": 32, "data.resize": 40, "num_steps": 4}
    large = {"batch_size": 512, "dtype": "bfloat16", "num_steps": 1_000_000, "ema_decay": 0.999}
    every = 2 if arguments.tiny else 200
    changes = {f"{what}_every_steps": every for what in ("log", "eval", "sample", "checkpoint")}
    data = {"data.source": "folder", "data.root": arguments.data} if arguments.data else {"data.source": "bundled"}
    return updated(experiment_config("ycrcb_rgb"), {**(small if arguments.tiny else large), **changes, **data})


def _train(arguments: argparse.Namespace) -> None:
    """Trains until it is stopped; a stopped run keeps its last step."""
    train(_config(arguments), arguments.out / "run")


def _profile(arguments: argparse.Namespace) -> None:
    """Three steps on random images under JAX's profiler, for TensorBoard or Perfetto."""
    config = _config(arguments)
    devices = jax.local_device_count()
    shape = (devices, config.batch_size // devices, config.image_size, config.image_size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    model = build_model(config, total_steps=10)
    step, state = parallel.parallel_train_step(model), parallel.place(model.init(jax.random.key(0)))
    state, metrics = step(state, images)
    jax.block_until_ready(metrics)
    print(jax.devices(), jax.__version__)
    with jax.profiler.trace(str(arguments.out / "profile")):
        for _ in range(3):
            state, metrics = step(state, images)
        jax.block_until_ready(metrics)


if __name__ == "__main__":
    main()
