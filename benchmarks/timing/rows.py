"""The rows of the throughput benchmark, and the jobs that measure them."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_jax import host

GROUPS = ("step", "inference", "scaling")
"""Groups of rows, which `--only` takes too."""

_VIRTUAL = "--xla_force_host_platform_device_count"
_MOST_DEVICES = 8


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: as for `--only`.
        group: "step" (whole training steps), "inference" (the generator alone) or "scaling" (steps on several devices).
        precision: "float32" or "bfloat16".
        options: PyTorch only: what is switched on, in the table's words.
        devices: of a scaling row; 0 for those that training takes.
    """

    name: str
    group: str
    precision: str = "float32"
    options: tuple[str, ...] = ()
    devices: int = 0

    @property
    def library(self) -> str:
        """Whose program it is: "ours" or "torch"."""
        return "torch" if self.options else "ours"

    @property
    def label(self) -> str:
        """What it is, in words."""
        return ", ".join(("PyTorch", *self.options)) if self.options else "ours"


ROWS = (
    Row("torch-seed", "step", "float32", ("seed form: eager, contiguous",)),
    Row("torch-channels-last", "step", "float32", ("channels_last",)),
    Row("torch-compile", "step", "float32", ("torch.compile",)),
    Row("torch-float32-best", "step", "float32", ("channels_last", "compile", "fused Adam")),
    Row("ours-float32", "step"),
    Row("torch-bfloat16-eager", "step", "bfloat16", ("autocast", "channels_last", "fused Adam")),
    Row("torch-bfloat16-best", "step", "bfloat16", ("autocast", "channels_last", "compile", "fused Adam")),
    Row("ours-bfloat16", "step", "bfloat16"),
    Row("torch-seed-inference", "inference", "float32", ("eager, contiguous",)),
    Row("torch-channels-last-inference", "inference", "float32", ("channels_last",)),
    Row("torch-compile-inference", "inference", "float32", ("channels_last", "compile")),
    Row("ours-float32-inference", "inference"),
    Row("torch-bfloat16-eager-inference", "inference", "bfloat16", ("autocast", "channels_last")),
    Row("torch-bfloat16-compile-inference", "inference", "bfloat16", ("autocast", "channels_last", "compile")),
    Row("ours-bfloat16-inference", "inference", "bfloat16"),
    *(Row(f"ours-{count}-devices", "scaling", devices=count) for count in (1, 2, 4, _MOST_DEVICES)),
)


@dataclass(frozen=True)
class Job:
    """What a worker is to measure.

    Attributes:
        row: the row; None only asks what the device is.
        experiment: name of the experiment.
        batch_size: images of a step, over all devices.
        image_size: height and width.
        device: JAX's name of the backend; empty for whatever it finds.
        compile_mode: PyTorch only: mode of `torch.compile`; empty for eager.
        environment: variables set before anything is imported.
    """

    row: Row | None
    experiment: str
    batch_size: int
    image_size: int
    device: str = ""
    compile_mode: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def random_batches(self) -> list[np.ndarray]:
        """Two batches of noise, uint8 [batch_size, image_size, image_size, channels], the same in every process."""
        random = np.random.RandomState(0)
        channels = 6 if self.experiment == "pix2pix" else 3
        shape = (self.batch_size, self.image_size, self.image_size, channels)
        return [random.randint(0, 256, shape, np.uint8) for _ in range(2)]


def probe(arguments: argparse.Namespace) -> Job:
    """The job that finds out what the device is."""
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(_VIRTUAL)]
    environment = {
        "JAX_ENABLE_COMPILATION_CACHE": "false",  # compile time is measured
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several processes share the GPU
        "XLA_FLAGS": " ".join(flags),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "OMP_NUM_THREADS": str(host.cores()),
    }
    return Job(None, arguments.experiment, arguments.batch_size, arguments.image_size, environment=environment)


def row_jobs(row: Row, base: Job, facts: Mapping[str, Any], scratch: Path) -> list[Job]:
    """The jobs that may measure a row, the best first: the first that works is taken.

    Args:
        row: the row.
        base: see `probe`.
        facts: what it found: "backend" and "devices".
        scratch: folder for compiled programs.

    Returns:
        No job for more devices than there are. On a CPU devices are virtual, and each has an eighth of the batch.
    """
    backend, environment = facts["backend"], dict(base.environment)
    size, count = base.batch_size, max(row.devices, 1)
    if backend == "gpu":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(facts["devices"])))
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(visible.split(",")[:count])
    if row.devices:
        if backend == "cpu":
            environment["XLA_FLAGS"] += f" {_VIRTUAL}={count}"
            size = max(size // _MOST_DEVICES, 1)
        elif count > facts["devices"]:
            return []
        size *= count
    modes = [""]
    if "compile" in row.options and backend == "gpu":
        # CUDA graphs do not suit every program. Where they fail, the next mode is tried.
        modes = ["max-autotune", "max-autotune-no-cudagraphs", "default"]
    elif {"compile", "torch.compile"} & set(row.options):
        modes = ["default"]
    caches = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}
    environment |= {variable: str(scratch / row.name / name) for variable, name in caches.items()}
    job = replace(base, row=row, device=backend, batch_size=size, environment=environment)
    return [replace(job, compile_mode=mode) for mode in modes]
