"""Measures rows: starts a worker for each, and lets the workers take turns.

Nothing here imports JAX or PyTorch: the workers do, after their environment is set.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.timing import result
from benchmarks.timing.rows import GROUPS, ROWS, Job, probe, row_jobs
from benchmarks.timing.workers import Worker

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
    base = probe(arguments)
    first = Worker(base)
    ran = first.start()
    first.stop()
    if not ran:
        sys.exit(f"error: {first.reason}")
    steps = arguments.steps or (1 if first.started["backend"] == "cpu" else 20) * ROUNDS
    workers: dict[str, Worker] = {}
    for group in GROUPS:
        jobs = {
            row.name: candidates
            for row in ROWS
            if row.group == group and (not arguments.only or {row.name, group} & set(arguments.only))
            if (candidates := row_jobs(row, base, first.started, scratch))
        }
        workers |= _run(jobs, share_out(steps * (COLOURINGS if group == "inference" else 1)))
    return result.describe(arguments, first.started, workers, steps)


def share_out(steps: int) -> list[int]:
    """The steps of each turn, of so many in all."""
    count = min(steps, ROUNDS)
    return [steps // count + (number < steps % count) for number in range(count)]


def _run(jobs: dict[str, list[Job]], turns: list[int]) -> dict[str, Worker]:
    """Starts one worker for each name, then gives a turn to each, round after round."""
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
        for number, steps in enumerate(turns if workers else (), start=1):
            print(f"round {number} of {len(turns)}", flush=True)
            for worker in workers.values():
                worker.turn(steps)
    return workers
