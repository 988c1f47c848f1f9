"""For the first minutes on a new accelerator: parity, throughput, a profile and a training run, one after the other.

    python benchmarks/first_run.py --out DIR [--data PHOTOGRAPHS] [--minutes 12] [--tiny]

DIR gets a log of each, throughput.json, the profile, the run with its samples and curves, and summary.json with each
part's exit status and seconds. What fails or takes too long does not keep the next from starting. Parity and PyTorch's
rows need PyTorch. `--tiny` rehearses all of it on a CPU within minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_EXACT = {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}


def main() -> None:
    """Runs the parts in their order, the most valuable first."""
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.profile:
        profile(arguments.out, tiny=arguments.tiny)
        return
    summary = {}
    for name, (share, command) in parts(arguments).items():
        summary[name] = run(command, arguments.out / f"{name}.log", 60 * arguments.minutes * share)
        print(f"{name}: {summary[name]}", flush=True)
        (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for what comes of it")
    parser.add_argument("--data", type=Path, metavar="DIR", help="photographs to train on; without it the bundled ones")
    parser.add_argument("--minutes", type=float, default=12.0, help="for everything")
    parser.add_argument("--tiny", action="store_true", help="small batches and few steps: a rehearsal")
    parser.add_argument("--profile", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def parts(arguments: argparse.Namespace) -> dict[str, tuple[float, list[str]]]:
    """By name: the share of the minutes that a part may take, and Python's arguments."""
    out, tiny = arguments.out.resolve(), arguments.tiny
    sizes = ["--batch-size=4", "--image-size=32", "--steps=1"] if tiny else ["--batch-size=512"]
    config = {"batch_size": 512, "dtype": "bfloat16", "num_steps": 1_000_000, "ema_decay": 0.999}
    if tiny:
        config = {"batch_size": 8, "image_size": 32, "data.resize": 40, "num_steps": 4}
    every = 2 if tiny else 200
    config |= {f"{what}_every_steps": every for what in ("log", "eval", "sample", "checkpoint")}
    config |= {"data.source": "folder", "data.root": arguments.data.resolve()} if arguments.data else {}
    config = {"data.source": "bundled", **config}
    training = ["train.py", "--config=configs/ycrcb_rgb.py", f"--workdir={out / 'run'}"]
    return {
        "parity": (0.2, ["-m", "benchmarks.parity.make_golden", "--report"]),
        "throughput": (
            0.4,
            ["benchmarks/throughput.py", "--only=step", *sizes, f"--json={out / 'throughput.json'}"],
        ),
        "profile": (0.1, [__file__, f"--out={out}", "--profile", *(["--tiny"] if tiny else [])]),
        "training": (0.3, training + [f"--config.{key}={value}" for key, value in config.items()]),
    }


def run(command: list[str], log: Path, seconds: float) -> dict[str, object]:
    """Runs a part; one that takes too long is asked to stop, and after 30 s made to. A run then keeps its last step."""
    start, stopped = time.perf_counter(), False
    environment = os.environ | (_EXACT if "--report" in command else {})
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=_ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            stopped = True
            process.terminate()
            try:
                process.wait(30.0)
            except subprocess.TimeoutExpired:
                process.kill()
        status = process.wait()
    return {"status": status, "stopped": stopped, "seconds": round(time.perf_counter() - start, 1)}


def profile(out: Path, *, tiny: bool) -> None:
    """Three steps on random images under JAX's profiler, for TensorBoard or Perfetto."""
    sys.path.insert(0, str(_ROOT))  # a script looks for modules in its own folder alone
    import jax
    import numpy as np

    from pix2pix_jax.config import experiment_config, updated
    from pix2pix_jax.state import build_model
    from pix2pix_jax.training import parallel

    sizes = {"batch_size": 8, "image_size": 32} if tiny else {"batch_size": 512, "dtype": "bfloat16"}
    config = updated(experiment_config("ycrcb_rgb"), sizes)
    devices = jax.local_device_count()
    shape = (devices, config.batch_size // devices, config.image_size, config.image_size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    model = build_model(config, total_steps=10)
    step, state = parallel.parallel_train_step(model), parallel.place(model.init(jax.random.key(0)))
    state, metrics = step(state, images)
    jax.block_until_ready(metrics)
    print(jax.devices(), jax.__version__)
    with jax.profiler.trace(str(out / "profile")):
        for _ in range(3):
            state, metrics = step(state, images)
        jax.block_until_ready(metrics)


if __name__ == "__main__":
    main()
