"""Measures rows: starts a worker for each, and lets the workers take turns.

Nothing here imports JAX or PyTorch: the workers do, after their environment is set.
"""

import argparse
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.timing import result
from benchmarks.timing.rows import (
    JAX,
    LOOPS,
    ROWS,
    TORCH,
    base_job,
    device_counts,
    environment,
    row_jobs,
    scaling_job,
)
from benchmarks.timing.workers import Job, Worker

ROUNDS = 5
"""Turns of each row."""

COLOURINGS = 3
"""Timed batches of colouring alone for each timed step: they are shorter, and short times vary more."""


def measure(arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Measures the rows that are asked for.

    Args:
        arguments: the command line of `benchmarks/throughput.py`.
        scratch: an empty folder for PyTorch's compiled programs.

    Returns:
        All that is known, ready for JSON.
    """
    with ExitStack() as stack:
        rates = _start_rates(arguments, stack)
        info = rates["ours"].started["info"]
        on_cpu = info["backend"] == "cpu"
        steps = arguments.steps or (1 if on_cpu else 20) * ROUNDS
        turns = share_out(steps)
        rows = [row for row in ROWS if _asked(arguments, row.name, row.group)]
        loops = [row for row in LOOPS if _asked(arguments, row.name, "" if on_cpu else "step")]
        base = base_job(arguments, info["backend"])
        timed = rates  # they take turns with the rows of the first group, and are known after that
        found: dict[str, Worker] = {}
        for group in (("step", "loop"), ("inference",)):
            if wanted := [row for row in (*rows, *loops) if row.group in group]:
                jobs = {row.name: row_jobs(row, base, scratch, rates["torch"].reason) for row in wanted}
                found |= _run(jobs, timed, turns if "step" in group else [COLOURINGS * count for count in turns])
                timed = {}
        scaling = {}
        if _asked(arguments, "", "scaling"):
            jobs = {f"{count} devices": [scaling_job(base, info, count)] for count in device_counts(info)}
            scaling = _run(jobs, {}, turns[: (len(turns) + 1) // 2])
    return {
        **result.describe(arguments, info, rates["torch"], steps),
        **result.report(rows, found, rates.values(), info, arguments),
        "scaling": result.report_scaling(scaling, info),
    }


def share_out(steps: int) -> list[int]:
    """The steps of each turn, of so many in all."""
    count = min(steps, ROUNDS)
    return [steps // count + (number < steps % count) for number in range(count)]


def _asked(arguments: argparse.Namespace, name: str, group: str) -> bool:
    if not arguments.only:
        return bool(group)
    return name in arguments.only or group in arguments.only


def _start_rates(arguments: argparse.Namespace, stack: ExitStack) -> dict[str, Worker]:
    """Starts measuring the device's rates in both libraries; JAX's worker also tells what the device is."""
    sizes = (arguments.experiment, arguments.batch_size, arguments.image_size)
    ours = Worker(Job(JAX, "rates", *sizes, environment=environment()))
    stack.callback(ours.stop)
    if not ours.start():
        sys.exit(f"error: {ours.reason}")
    theirs = Worker(replace(base_job(arguments, ours.started["info"]["backend"]), module=TORCH, kind="rates"))
    stack.callback(theirs.stop)
    if not theirs.start():
        print(f"no PyTorch rows: {theirs.reason}")
    return {"ours": ours, "torch": theirs}


def _run(jobs: Mapping[str, list[Job]], others: Mapping[str, Worker], turns: list[int]) -> dict[str, Worker]:
    """Starts one worker for each name, then gives a turn to each, after the `others`, which run already."""
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
