"""A result of the throughput benchmark to test with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import throughput
from benchmarks.timing import result, rows
from benchmarks.timing.workers import Worker


@pytest.fixture
def make_result() -> Callable[[], dict]:
    """Makes a result as the benchmark does, of times that were never measured."""
    return _make_result


def _make_result() -> dict:
    arguments = throughput.parse_arguments(["--batch-size=8", "--image-size=32"])
    facts = {"backend": "cpu", "device": "cpu", "devices": 1, "versions": {"jax": "1.0"}}
    workers = {}
    for number, row in enumerate(rows.ROWS, start=1):
        workers[row.name] = worker = Worker(rows.row_jobs(row, rows.probe(arguments), facts, Path())[0])
        turns = (2.0 / number, 1.0 / number, 9.0 / number)
        worker.turns = [{"step": seconds, "capacity": 10.0, "others": 0.1} for seconds in turns]
        worker.started = {"peak_bytes": 2**30, "warm_up_seconds": 10.0}
    workers["torch-compile"].reason = "no working C++ compiler"
    return result.describe(arguments, facts, workers, 3)
