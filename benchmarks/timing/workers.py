"""Processes that each run one row, and wait for their turn.

A process of its own keeps a row's thread pools, allocators, compile caches and peak of memory apart from those of the
others, and a row that cannot run does not stop the rest. Only one works at a time.
"""

import gc
import importlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.timing import memory
from pix2pix_jax import host
from pix2pix_jax.errors import UserError

WARM_UP = 3
"""Steps before the clock starts. The first compiles, the second may too (CUDA graphs), the third shows the memory."""


class NotRun(Exception):  # noqa: N818 - no error: a machine need not be able to run everything
    """Why a row cannot run here."""


@dataclass(frozen=True)
class Job:
    """What a worker is to run.

    Attributes:
        module: the module whose `make(job)` builds it.
        kind: "training", "inference", "loop" (several steps as one program) or "rates" (of the device).
        experiment: name of the experiment.
        batch_size: images of a step, over all devices.
        image_size: height and width.
        precision: "float32" or "bfloat16".
        device: "cpu", "gpu" or another backend's name; empty for whatever JAX finds.
        channels_last: PyTorch only: memory format of networks and batch.
        compile_mode: PyTorch only: mode of `torch.compile`; empty for eager.
        fused: PyTorch only: fused Adam.
        environment: variables set before anything is imported.
        cannot_run: why there is no point in trying; empty to try.
    """

    module: str
    kind: str
    experiment: str
    batch_size: int
    image_size: int
    precision: str = "float32"
    device: str = ""
    channels_last: bool = False
    compile_mode: str = ""
    fused: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    cannot_run: str = ""


class Runnable(Protocol):
    """What a job is built into."""

    info: dict[str, Any]
    """Facts for the report: versions, device."""

    def turn(self, steps: int) -> dict[str, float]:
        """Runs steps to the end of the last; returns what it measured beside the time, which the caller takes."""
        ...

    def reset_peak(self) -> bool:
        """Starts a new peak of the device's memory; returns whether it can."""
        ...

    def peak_bytes(self) -> int | None:
        """The device's memory at its peak; None on a CPU."""
        ...


class Worker:
    """A process, and what it was given to run.

    Args:
        job: what to run.

    Attributes:
        job: what it runs.
        started: what its start found; empty until `start`.
        turns: what each turn found: "step" (seconds of one step) or rates; the seconds that all cores together had
            (`capacity_seconds`), and how many of them other programs took (`others_seconds`; 0 where unknown).
        reason: why it does not run; empty while it does.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.started: dict[str, Any] = {}
        self.turns: list[dict[str, float]] = []
        self.reason = ""
        self._process: Any = None

    def start(self) -> bool:
        """Builds, compiles and warms up; returns whether it runs."""
        if self.job.cannot_run:
            self.reason = self.job.cannot_run
            return False
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.job))
        self._process.start()
        theirs.close()
        self.started = self._answer()
        return not self.reason

    def turn(self, steps: int) -> None:
        """Takes a turn, unless it has failed before."""
        if self.reason:
            return
        start, busy_before = time.perf_counter(), _busy_seconds()
        self._pipe.send(steps)
        if found := self._answer():
            capacity = host.cores() * (time.perf_counter() - start)
            others = max(0.0, _busy_seconds() - busy_before - found.pop("own_seconds"))
            self.turns.append(found | {"capacity_seconds": capacity, "others_seconds": others})

    def stop(self) -> None:
        """Ends the process."""
        if self._process is None:
            return
        self._pipe.close()  # the process then ends by itself, unless it is at work
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None

    def values(self, name: str) -> list[float]:
        """One measured value of every turn."""
        return [turn[name] for turn in self.turns]

    def _answer(self) -> dict[str, Any]:
        try:
            reason, found = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            reason, found = f"its process died (exit status {self._process.exitcode}): out of memory?", {}
        self.reason = reason
        return found


def _busy_seconds() -> float:
    """Seconds that all programs together have spent on the cores of this process since the machine started."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return 0.0
    mine = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    fields = [line.split() for line in lines if line.split()[0] in mine]
    # user, nice, system, idle, waiting, interrupts, soft interrupts, stolen by the host, ...
    ticks = sum(int(value) for line in fields for value in (*line[1:4], *line[6:9]))
    return ticks / os.sysconf("SC_CLK_TCK")


# --- In the worker's process ---------------------------------------------------------------------


def _serve(pipe: Any, job: Job) -> None:
    os.environ.update(job.environment)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - open to the end; compilers are talkative
    for stream in (1, 2):
        os.dup2(log.fileno(), stream)
    try:
        runnable, before = _build(job)
        pipe.send(("", _start(runnable, job, before)))
        while True:
            steps, start = pipe.recv(), time.process_time()
            found = _turn(runnable, job, steps)
            pipe.send(("", found | {"own_seconds": time.process_time() - start}))
    except EOFError:
        pass
    except BaseException as error:  # a library may even exit: that too is a reason to report
        pipe.send((_reason(error), {}))


def _build(job: Job) -> tuple[Runnable, int]:
    """Builds what is to run; returns also the bytes in memory once the libraries are imported and nothing is built."""
    if job.device != "gpu":
        host.keep_freed_memory()
    module = importlib.import_module(job.module)
    memory.hand_back_freed()
    before = memory.resident_bytes()
    return module.make(job), before


def _start(runnable: Runnable, job: Job, before: int) -> dict[str, Any]:
    if job.kind == "rates":
        return {"info": runnable.info}
    start = time.perf_counter()
    for _ in range(WARM_UP - 1):
        runnable.turn(1)
    seconds = time.perf_counter() - start
    memory.hand_back_freed()
    reset = memory.reset_resident_peak() if job.device == "cpu" else runnable.reset_peak()
    start = time.perf_counter()
    runnable.turn(1)
    seconds += time.perf_counter() - start
    peak = runnable.peak_bytes()
    return {
        "info": runnable.info,
        "warm_up_seconds": seconds,
        "peak_bytes": memory.resident_peak() - before if peak is None else peak,
        "peak_includes_compiling": not reset,
    }


def _turn(runnable: Runnable, job: Job, steps: int) -> dict[str, float]:
    if job.kind == "rates":
        return runnable.turn(steps)
    runnable.turn(1)  # untimed: caches, clocks and pages come back
    gc.collect()
    start = time.perf_counter()
    found = runnable.turn(steps)
    seconds = time.perf_counter() - start
    memory.hand_back_freed()
    return {"step": seconds / steps} | found


def _reason(error: BaseException) -> str:
    if isinstance(error, ImportError) and (error.name == "torch" or "torch" in str(error)):
        return "PyTorch is not installed"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2])[:300]
    return text if isinstance(error, NotRun | UserError) else f"{type(error).__name__}: {text}"
