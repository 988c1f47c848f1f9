"""The rows of the throughput benchmark, and the job that runs each."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.timing.workers import Job
from pix2pix_jax import host

JAX = "benchmarks.timing.jax_side"
"""The module that runs our rows."""

TORCH = "benchmarks.timing.pytorch_side"
"""The module that runs PyTorch's rows."""

GROUPS = ("step", "inference", "scaling")
"""Groups of rows, which `--only` takes too."""

SCALING = (1, 2, 4, 8)
"""Devices of the scaling rows."""

_VIRTUAL = "--xla_force_host_platform_device_count"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: as for `--only`.
        label: what it is, in words.
        group: "step" (whole training steps) or "inference" (the generator alone).
        library: "ours" or "torch".
        precision: "float32" or "bfloat16".
        channels_last: PyTorch only: memory format.
        compiled: PyTorch only: "", "plain", or "best", which on a GPU is max-autotune.
        fused: PyTorch only: fused Adam.
    """

    name: str
    label: str
    group: str
    library: str
    precision: str = "float32"
    channels_last: bool = False
    compiled: str = ""
    fused: bool = False


ROWS = (
    Row("torch-seed", "PyTorch, seed form: eager, contiguous", "step", "torch"),
    Row("torch-channels-last", "PyTorch, channels_last", "step", "torch", channels_last=True),
    Row("torch-compile", "PyTorch, torch.compile", "step", "torch", compiled="plain"),
    Row(
        "torch-float32-best",
        "PyTorch, channels_last, compile, fused Adam",
        "step",
        "torch",
        channels_last=True,
        compiled="best",
        fused=True,
    ),
    Row("ours-float32", "ours", "step", "ours"),
    Row(
        "torch-bfloat16-eager",
        "PyTorch, autocast, channels_last, fused Adam",
        "step",
        "torch",
        "bfloat16",
        channels_last=True,
        fused=True,
    ),
    Row(
        "torch-bfloat16-best",
        "PyTorch, autocast, channels_last, compile, fused Adam",
        "step",
        "torch",
        "bfloat16",
        channels_last=True,
        compiled="best",
        fused=True,
    ),
    Row("ours-bfloat16", "ours", "step", "ours", "bfloat16"),
    Row("torch-seed-inference", "PyTorch, eager, contiguous", "inference", "torch"),
    Row("torch-channels-last-inference", "PyTorch, channels_last", "inference", "torch", channels_last=True),
    Row(
        "torch-compile-inference",
        "PyTorch, channels_last, compile",
        "inference",
        "torch",
        channels_last=True,
        compiled="best",
    ),
    Row("ours-float32-inference", "ours", "inference", "ours"),
    Row(
        "torch-bfloat16-eager-inference",
        "PyTorch, autocast, channels_last",
        "inference",
        "torch",
        "bfloat16",
        channels_last=True,
    ),
    Row(
        "torch-bfloat16-compile-inference",
        "PyTorch, autocast, channels_last, compile",
        "inference",
        "torch",
        "bfloat16",
        channels_last=True,
        compiled="best",
    ),
    Row("ours-bfloat16-inference", "ours", "inference", "ours", "bfloat16"),
)

LOOPS = (
    Row("loop-float32", "ours, steps as one program", "loop", "ours"),
    Row("loop-bfloat16", "ours, steps as one program", "loop", "ours", "bfloat16"),
)


def environment(**more: str) -> dict[str, str]:
    """The variables of every worker's environment, with those that are given."""
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(_VIRTUAL)]
    return {
        "JAX_ENABLE_COMPILATION_CACHE": "false",  # compile time is measured
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several processes share the GPU
        "XLA_FLAGS": " ".join(flags),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "OMP_NUM_THREADS": str(host.cores()),
        **more,
    }


def base_job(arguments: argparse.Namespace, device: str) -> Job:
    """The job that all others vary: whole steps of ours in float32, on one device."""
    one_gpu = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
    return Job(
        JAX,
        "training",
        arguments.experiment,
        arguments.batch_size,
        arguments.image_size,
        device=device,
        environment=environment(**(one_gpu if device == "gpu" else {})),
    )


def row_jobs(row: Row, base: Job, scratch: Path, no_torch: str) -> list[Job]:
    """The jobs that may run a row, the best first: the first that works is taken.

    Args:
        row: the row.
        base: see `base_job`.
        scratch: folder for compiled programs.
        no_torch: why PyTorch does not run here; empty if it does.
    """
    job = replace(base, kind="training" if row.group == "step" else row.group, precision=row.precision)
    if row.library == "ours":
        return [job]
    modes = [""]
    if row.compiled:
        # CUDA graphs do not suit every program. Where they fail, the next mode is tried.
        tuned = row.compiled == "best" and base.device == "gpu"
        modes = ["max-autotune", "max-autotune-no-cudagraphs", "default"] if tuned else ["default"]
    caches = {
        "TORCHINDUCTOR_CACHE_DIR": str(scratch / row.name / "inductor"),
        "TRITON_CACHE_DIR": str(scratch / row.name / "triton"),
    }
    job = replace(job, module=TORCH, channels_last=row.channels_last, fused=row.fused, cannot_run=no_torch)
    job = replace(job, environment={**base.environment, **caches})
    return [replace(job, compile_mode=mode) for mode in (modes[:1] if no_torch else modes)]


def device_counts(info: Mapping[str, Any]) -> list[int]:
    """Numbers of devices to scale over: of virtual ones on a CPU, else up to as many as there are."""
    return [count for count in SCALING if info["backend"] == "cpu" or count <= info["devices"]]


def scaling_job(base: Job, info: Mapping[str, Any], count: int) -> Job:
    """A job on several devices with as many images each; virtual CPU devices have an eighth of the batch each."""
    variables = dict(base.environment)
    if info["backend"] == "cpu":
        variables["XLA_FLAGS"] += f" {_VIRTUAL}={count}"
        return replace(base, batch_size=max(base.batch_size // SCALING[-1], 1) * count, environment=variables)
    if info["backend"] == "gpu":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(info["devices"])))
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(visible.split(",")[:count])
    return replace(base, batch_size=base.batch_size * count, environment=variables)
