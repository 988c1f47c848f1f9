"""Measures training steps and colouring, here and in PyTorch, in one run on one device.

    python benchmarks/throughput.py [--batch-size N] [--image-size N] [--experiment NAME] [--json FILE] [--only NAME]

Each variant has a process of its own, which warms up and then waits for its turns: round after round, each takes a few
timed steps, so that a machine that grows slower hits all alike. README.md beside this file says what each number means.
"""

import argparse
import difflib
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script, it would find only its neighbours

from benchmarks import throughput_report, throughput_result
from benchmarks.throughput_rows import (
    LOOPS,
    ROWS,
    TORCH,
    base_job,
    device_counts,
    environment,
    row_jobs,
    scaling_job,
)
from benchmarks.workers import Job, Worker

# Nothing here may import JAX or PyTorch: the workers do, after their environment is set.

GROUPS = ("step", "inference", "scaling")

_ROUNDS = 5
_COLOURINGS = 3  # for each step: they are shorter, and short times vary more


def main() -> None:
    """Measures, prints the tables, and writes the JSON."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(arguments, Path(scratch))
    print()
    print(throughput_report.markdown(result))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=96, help="a multiple of 32")
    parser.add_argument("--experiment", default="ycrcb_rgb", help="which of the five")
    parser.add_argument(
        "--steps",
        type=int,
        help=f"timed steps of each row, in up to {_ROUNDS} turns, {_COLOURINGS} times as many where the generator works"
        f" alone; {_ROUNDS} on a CPU, {20 * _ROUNDS} elsewhere",
    )
    parser.add_argument("--json", metavar="FILE", help="file for the numbers")
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        help=f"a row or a group of rows ({', '.join(GROUPS)}) to measure; may be given several times",
    )
    arguments = parser.parse_args(given)
    known = [*GROUPS, *(row.name for row in (*ROWS, *LOOPS))]
    for name in arguments.only or ():
        if name not in known:
            (nearest,) = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            parser.error(f"there is no row {name}: the nearest is {nearest}; there are {', '.join(known)}")
    if arguments.batch_size < 1 or arguments.image_size < 32 or arguments.image_size % 32:
        parser.error(
            f"batch size {arguments.batch_size} must be 1 or more, image size {arguments.image_size} a multiple of 32"
        )
    if arguments.steps is not None and arguments.steps < 1:
        parser.error(f"steps {arguments.steps} must be 1 or more")
    return arguments


def measure(arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Runs what is asked for.

    Args:
        arguments: the command line.
        scratch: an empty folder for PyTorch's compiled programs.

    Returns:
        All that is known, ready for JSON.
    """
    with ExitStack() as stack:
        rates = _start_rates(arguments, stack)
        info = rates["ours"].started["info"]
        on_cpu = info["backend"] == "cpu"
        steps = arguments.steps or (1 if on_cpu else 20) * _ROUNDS
        turns = _share_out(steps)
        rows = [row for row in ROWS if _asked(arguments, row.name, row.group)]
        loops = [row for row in LOOPS if _asked(arguments, row.name, "" if on_cpu else "step")]
        base = base_job(arguments, info["backend"])
        timed = rates  # in turns with the rows of the first group; known thereafter
        found: dict[str, Worker] = {}
        for group in (("step", "loop"), ("inference",)):
            if wanted := [row for row in (*rows, *loops) if row.group in group]:
                jobs = {row.name: row_jobs(row, base, scratch, rates["torch"].reason) for row in wanted}
                found |= _run(jobs, timed, turns if "step" in group else [_COLOURINGS * count for count in turns])
                timed = {}
        scaling = {}
        if _asked(arguments, "", "scaling"):
            jobs = {f"{count} devices": [scaling_job(base, info, count)] for count in device_counts(info)}
            scaling = _run(jobs, {}, turns[: (len(turns) + 1) // 2])
    return {
        **throughput_result.describe(arguments, info, rates["torch"], steps),
        **throughput_result.report(rows, found, rates.values(), info, arguments),
        "scaling": throughput_result.report_scaling(scaling, info),
    }


# --- Running -------------------------------------------------------------------------------------


def _asked(arguments: argparse.Namespace, name: str, group: str) -> bool:
    if not arguments.only:
        return bool(group)
    return name in arguments.only or group in arguments.only


def _share_out(steps: int) -> list[int]:
    """The steps of each turn."""
    count = min(steps, _ROUNDS)
    return [steps // count + (number < steps % count) for number in range(count)]


def _start_rates(arguments: argparse.Namespace, stack: ExitStack) -> dict[str, Worker]:
    """The device's rates as either library finds them; JAX's tells what the device is."""
    sizes = (arguments.experiment, arguments.batch_size, arguments.image_size)
    ours = Worker(Job("benchmarks.jax_variants", "rates", *sizes, environment=environment()))
    stack.callback(ours.stop)
    if not ours.start():
        sys.exit(f"error: {ours.reason}")
    theirs = Worker(replace(base_job(arguments, ours.started["info"]["backend"]), module=TORCH, kind="rates"))
    stack.callback(theirs.stop)
    if not theirs.start():
        print(f"no PyTorch rows: {theirs.reason}")
    return {"ours": ours, "torch": theirs}


def _run(jobs: Mapping[str, list[Job]], others: Mapping[str, Worker], turns: list[int]) -> dict[str, Worker]:
    """Starts one worker for each name, and lets all of them take their turns, after those that run already."""
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        for name, candidates in jobs.items():
            for job in candidates:
                print(f"warming up {name}", flush=True)
                workers[name] = worker = Worker(job)
                stack.callback(worker.stop)
                if worker.start():
                    break
                print(f"  did not run: {worker.reason}", flush=True)
        for number, steps in enumerate(turns, start=1):
            print(f"round {number} of {len(turns)}", flush=True)
            for worker in (*others.values(), *workers.values()):
                worker.turn(steps)
    return workers


if __name__ == "__main__":
    main()
