"""A result of the throughput benchmark to test with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import throughput
from benchmarks.timing import result, rows
from benchmarks.timing.workers import Worker


@pytest.fixture
def make_result() -> Callable[..., dict]:
    """Makes a result as the benchmark does, of times that were never measured."""
    return _make_result


def _make_result(backend: str = "cpu") -> dict:
    arguments = throughput.parse_arguments(["--batch-size=4", "--image-size=32"])
    info = {"backend": backend, "device": backend, "devices": 1, "versions": {"jax": "1.0"}}
    info |= {"generator_channels": 2, "discriminator_channels": 3}
    base = rows.base_job(arguments, "cpu")
    torch_rates, rates = Worker(base), Worker(base)
    rates.turns = [{"float32_flops": 1e11, "bfloat16_flops": 5e10, "bytes": 1e10}]
    torch_rates.reason = "PyTorch is not installed"
    found = {}
    for number, row in enumerate(rows.ROWS, start=1):
        found[row.name] = worker = Worker(rows.row_jobs(row, base, Path(), "")[0])
        turns = (2.0 / number, 1.0 / number, 9.0 / number)
        worker.turns = [{"step": seconds, "capacity_seconds": 10.0, "others_seconds": 0.1} for seconds in turns]
        worker.started = {"peak_bytes": 2**30, "peak_includes_compiling": False, "warm_up_seconds": 10.0}
    found["loop-float32"] = loop = Worker(base)
    loop.turns = [{"step": 0.3, "capacity_seconds": 10.0, "others_seconds": 0.1}]
    found["torch-compile"].reason = "no working C++ compiler"
    scaling = {f"{count} devices": found["ours-float32"] for count in (1, 2)}
    return {
        **result.describe(arguments, info, torch_rates, 3),
        **result.report(rows.ROWS, found, [rates, torch_rates], info, arguments),
        "scaling": result.report_scaling(scaling, info),
    }
