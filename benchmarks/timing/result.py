"""The throughput benchmark's result: the numbers for its JSON, from what the workers measured."""

import argparse
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing.workers import WARM_UP, Worker
from pix2pix_jax import host

_VECTORS = {"avx512_bf16": "AVX-512 with bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}
"""By the flag in /proc/cpuinfo, the best first."""


def describe(
    arguments: argparse.Namespace, facts: Mapping[str, Any], workers: Mapping[str, Worker], steps: int
) -> dict[str, Any]:
    """What was run, where, with which versions, and what came of it.

    Args:
        arguments: the command line.
        facts: about JAX and the device.
        workers: of each row, by name.
        steps: timed steps of each row.
    """
    versions = {"python": platform.python_version(), **facts["versions"]}
    for worker in workers.values():
        versions |= worker.started.get("versions", {})
    found = [_row(worker) for worker in workers.values()]
    rows = [row for row in found if row["group"] != "scaling"]
    for row in rows:
        rivals = [other for other in rows if other["library"] == "torch" and other["group"] == row["group"]]
        row["ratio_same_precision"] = _ratio(row, (rival for rival in rivals if rival["precision"] == row["precision"]))
        row["ratio_any"] = _ratio(row, rivals)
    ratios = {row["name"]: row["ratio_same_precision"] for row in rows}
    ours = {"float32_step": "ours-float32", "bfloat16_step": "ours-bfloat16"}
    ours |= {"float32_inference": "ours-float32-inference"}
    return {
        "benchmark": "throughput",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "benchmarks/throughput.py", *sys.argv[1:]]),
        "backend": facts["backend"],
        "device": f"{_cpu_name()}, {host.cores()} cores" if facts["backend"] == "cpu" else facts["device"],
        "versions": versions,
        "batch_size": arguments.batch_size,
        "image_size": arguments.image_size,
        "experiment": arguments.experiment,
        "steps": steps,
        "others_share": _others_share(workers.values()),
        "rows": rows,
        "ratios": {key: ratios.get(name) for key, name in ours.items()},
        "scaling": _scaling([row for row in found if row["group"] == "scaling"], virtual=facts["backend"] == "cpu"),
    }


def _row(worker: Worker) -> dict[str, Any]:
    row, job = worker.job.row, worker.job
    assert row is not None
    about: dict[str, Any] = {key: getattr(row, key) for key in ("name", "label", "group", "library", "precision")}
    about |= {"compile_mode": job.compile_mode or None, "batch_size": job.batch_size, "devices": row.devices}
    if worker.reason or not worker.turns:
        return about | {"not_run": worker.reason or "no turn"}
    turns = [turn["step"] for turn in worker.turns]
    seconds = median(turns)
    return about | {
        "not_run": None,
        "step_seconds": seconds,
        "spread": [min(turns), max(turns)],
        "turns": turns,
        "images_per_second": job.batch_size / seconds,
        "peak_bytes": worker.started["peak_bytes"],
        "peak_bytes_per_image": worker.started["peak_bytes"] / job.batch_size,
        "compile_seconds": max(0.0, worker.started["warm_up_seconds"] - WARM_UP * seconds),
    }


def _ratio(row: Mapping[str, Any], rivals: Iterable[Mapping[str, Any]]) -> float | None:
    """How many times as fast as the fastest rival; None without a rival."""
    times = [rival["step_seconds"] for rival in rivals if rival["not_run"] is None]
    return min(times) / row["step_seconds"] if times and row["not_run"] is None else None


def _scaling(rows: list[dict[str, Any]], *, virtual: bool) -> list[dict[str, Any]]:
    """The rows on several devices, each beside the first."""
    one = rows[0].get("images_per_second") if rows else None
    for row in rows:
        speed = row.get("images_per_second")
        row |= {"virtual": virtual, "times_one_device": speed / one if speed and one else None}
    return rows


def _others_share(workers: Iterable[Worker]) -> float | None:
    """The share of the cores that other programs took during all turns. Where it is not near 0, distrust the times."""
    turns = [turn for worker in workers for turn in worker.turns]
    capacity = sum(turn["capacity"] for turn in turns)
    return sum(turn["others"] for turn in turns) / capacity if capacity else None


def _cpu_name() -> str:
    """The model, and its vector instructions, on which both libraries' speed depends: one name covers many models."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = {name.strip(): fact.strip() for name, _, fact in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or platform.machine()
    flags = set(facts.get("flags", "").split())
    vectors = next((text for flag, text in _VECTORS.items() if flag in flags), None)
    return f"{name} ({vectors})" if vectors else name
