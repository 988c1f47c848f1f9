"""The throughput benchmark's result: the numbers for its JSON, from what the workers measured."""

import argparse
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.timing import floors
from benchmarks.timing.rows import Row
from benchmarks.timing.workers import WARM_UP, Worker
from pix2pix_jax import host

_RATES = ("float32_flops", "bfloat16_flops", "bytes")

_VECTORS = {"avx512_bf16": "AVX-512 with bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}
"""By the flag in /proc/cpuinfo, the best first."""


def describe(arguments: argparse.Namespace, info: Mapping[str, Any], torch: Worker, steps: int) -> dict[str, Any]:
    """What was run, where, and with which versions.

    Args:
        arguments: the command line.
        info: facts about JAX and the device.
        torch: the worker that measured the rates in PyTorch, or that could not.
        steps: timed steps of each row.
    """
    device = f"{_cpu_name()}, {host.cores()} cores" if info["backend"] == "cpu" else info["device"]
    return {
        "benchmark": "throughput",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "benchmarks/throughput.py", *sys.argv[1:]]),
        "backend": info["backend"],
        "device": device,
        "versions": {
            "python": platform.python_version(),
            **info["versions"],
            **(torch.started["info"]["versions"] if torch.started else {}),
        },
        "torch_not_run": torch.reason or None,
        "batch_size": arguments.batch_size,
        "image_size": arguments.image_size,
        "experiment": arguments.experiment,
        "steps": steps,
    }


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


def report(
    rows: Iterable[Row],
    found: Mapping[str, Worker],
    rates: Iterable[Worker],
    info: Mapping[str, Any],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """The rows, and their ratios.

    Args:
        rows: the rows asked for.
        found: the worker of each row and loop, by name.
        rates: workers that measured the device's rates.
        info: facts about JAX and the device.
        arguments: the command line.
    """
    best_rates = _best_rates(rates)
    reported = [_report_row(row, found[row.name], arguments, info, best_rates) for row in rows]
    for row in reported:
        if row["not_run"] is None:
            rivals = [other for other in reported if other["library"] == "torch" and other["group"] == row["group"]]
            same = [other for other in rivals if other["precision"] == row["precision"]]
            row["ratio_same_precision"] = _ratio(row, same)
            row["ratio_any"] = _ratio(row, rivals)
            loop = found.get(f"loop-{row['precision']}")
            is_our_step = row["library"] == "ours" and row["group"] == "step"
            # On a CPU, a loop of steps is slower than the steps, so it says nothing.
            if is_our_step and loop is not None and loop.turns and info["backend"] != "cpu":
                row["between_steps_share"] = max(0.0, 1 - median(loop.values("step")) / row["step_seconds"])
    by_name = {row["name"]: row for row in reported}
    return {
        "rates": best_rates,
        "others_share": _others_share(found.values()),
        "rows": reported,
        "loops": {name: median(worker.values("step")) for name, worker in found.items() if _is_loop(name, worker)},
        "ratios": {
            "float32_step": by_name.get("ours-float32", {}).get("ratio_same_precision"),
            "bfloat16_step": by_name.get("ours-bfloat16", {}).get("ratio_same_precision"),
            "float32_inference": by_name.get("ours-float32-inference", {}).get("ratio_same_precision"),
        },
    }


def _is_loop(name: str, worker: Worker) -> bool:
    return name.startswith("loop-") and bool(worker.turns)


def _others_share(workers: Iterable[Worker]) -> float | None:
    """The share of the cores that other programs took during all turns. Where it is not near 0, distrust the times."""
    turns = [turn for worker in workers for turn in worker.turns]
    capacity = sum(turn["capacity_seconds"] for turn in turns)
    return sum(turn["others_seconds"] for turn in turns) / capacity if capacity else None


def _best_rates(rates: Iterable[Worker]) -> dict[str, float]:
    """The device's rates: the better library's medians. For bfloat16, float32's if that is higher: it can stand in."""
    medians = [
        {name: median(worker.values(name)) for name in _RATES} for worker in rates if worker.turns and not worker.reason
    ]
    if not medians:
        return {}
    best = {name: max(found[name] for found in medians) for name in _RATES}
    return best | {"bfloat16_flops": max(best["bfloat16_flops"], best["float32_flops"])}


def _report_row(
    row: Row, worker: Worker, arguments: argparse.Namespace, info: Mapping[str, Any], rates: Mapping[str, float]
) -> dict[str, Any]:
    about = {key: getattr(row, key) for key in ("name", "label", "group", "library", "precision")}
    about |= {"compile_mode": worker.job.compile_mode or None}
    if worker.reason or not worker.turns:
        return about | {"not_run": worker.reason or "no turn"}
    turns = worker.values("step")
    seconds = median(turns)
    itemsize = 4 if row.precision == "float32" else 2
    channels = info["generator_channels"], info["discriminator_channels"]
    g_convs, d_convs = floors.networks(arguments.experiment, *channels, arguments.image_size)
    if row.group == "step":
        work = floors.training_step(g_convs, d_convs, arguments.batch_size, itemsize)
    else:
        work = floors.inference(g_convs, arguments.batch_size, itemsize)
    arithmetic, traffic = floors.seconds(work, rates[f"{row.precision}_flops"], rates["bytes"])
    return about | {
        "not_run": None,
        "step_seconds": seconds,
        "spread": [min(turns), max(turns)],
        "quartiles": quantiles(turns, n=4, method="inclusive")[::2] if len(turns) > 1 else turns * 2,
        "turns": turns,
        "others_share": _others_share([worker]),
        "images_per_second": arguments.batch_size / seconds,
        "ratio_same_precision": None,
        "ratio_any": None,
        "peak_bytes": worker.started["peak_bytes"],
        "peak_bytes_per_image": worker.started["peak_bytes"] / arguments.batch_size,
        "peak_includes_compiling": worker.started["peak_includes_compiling"],
        "compile_seconds": max(0.0, worker.started["warm_up_seconds"] - WARM_UP * seconds),
        "flops": work.flops,
        "bytes": work.bytes,
        "flops_share": arithmetic / seconds,
        "bytes_share": traffic / seconds,
        "floor_seconds": max(arithmetic, traffic),
        "floor_share": max(arithmetic, traffic) / seconds,
        "between_steps_share": None,
    }


def _ratio(row: Mapping[str, Any], rivals: Iterable[Mapping[str, Any]]) -> float | None:
    """How many times as fast as the fastest rival; None without a rival."""
    times = [rival["step_seconds"] for rival in rivals if rival["not_run"] is None]
    return min(times) / row["step_seconds"] if times else None


def report_scaling(workers: Mapping[str, Worker], info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scaling rows, one from each worker; the workers are named for their number of devices."""
    reported: list[dict[str, Any]] = []
    for name, worker in workers.items():
        row: dict[str, Any] = {
            "devices": int(name.split()[0]),
            "batch_size": worker.job.batch_size,
            "precision": "float32",
        }
        row |= {"virtual": info["backend"] == "cpu", "not_run": worker.reason or None}
        if not worker.reason and worker.turns:
            turns = worker.values("step")
            row |= {"step_seconds": median(turns), "spread": [min(turns), max(turns)]}
            row["images_per_second"] = worker.job.batch_size / median(turns)
            first = reported[0] if reported else row
            row["times_one_device"] = (
                row["images_per_second"] / first["images_per_second"] if first["not_run"] is None else None
            )
        reported.append(row)
    return reported
