"""Processes that each measure one row, and wait for their turn.

A process of its own keeps a row's thread pools, allocators, compile caches and peak of memory apart from those of the
others, and a row that cannot run does not stop the rest. Only one works at a time.
"""

import ctypes
import gc
import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.timing.rows import Job
from pix2pix_jax import host
from pix2pix_jax.errors import UserError

WARM_UP = 3
"""Steps before the clock starts. The first compiles, the second may too (CUDA graphs), the third shows the memory."""


class Worker:
    """A process, and what it was given to measure.

    Args:
        job: what to measure.

    Attributes:
        job: what it measures.
        started: what its start found: facts about device and versions, memory, the time of the warm-up.
        turns: of each turn, the seconds of one step (`step`), the seconds that all cores together had (`capacity`), and
            how many of them other programs took (`others`; 0 where unknown).
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
            others = max(0.0, _busy_seconds() - busy_before - found["own"])
            capacity = host.cores() * (time.perf_counter() - start)
            self.turns.append({"step": found["step"], "capacity": capacity, "others": others})

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._pipe.close()  # the process then ends by itself, unless it is at work
            self._process.join(10)
            self._process.kill()
            self._process.join()

    def _answer(self) -> dict[str, Any]:
        try:
            self.reason, found = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            self.reason, found = f"its process died (exit status {self._process.exitcode}): out of memory?", {}
        return found


def _busy_seconds() -> float:
    """Seconds that all programs together have spent on the cores of this process; 0 where the system does not say."""
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
        if job.device != "gpu":
            host.keep_freed_memory()
        name = "pytorch_side" if job.row and job.row.library == "torch" else "jax_side"
        side = importlib.import_module(f"benchmarks.timing.{name}")
        if job.row is None:
            pipe.send(("", side.facts()))
            return
        started, turn = _start(side, job)
        pipe.send(("", started))
        while True:
            steps, own = pipe.recv(), time.process_time()
            host.fill_holes()  # as in training after its first step
            turn(1)  # untimed: caches, clocks and pages come back
            gc.collect()
            start = time.perf_counter()
            turn(steps)
            seconds = time.perf_counter() - start
            _hand_back_freed()
            pipe.send(("", {"step": seconds / steps, "own": time.process_time() - own}))
    except EOFError:
        pass
    except BaseException as error:  # a library may even exit: that too is a reason to report
        pipe.send((_reason(error), {}))


def _start(side: Any, job: Job) -> tuple[dict[str, Any], Any]:
    _hand_back_freed()
    before = _resident("VmRSS")
    turn = side.make(job)
    start = time.perf_counter()
    for _ in range(WARM_UP - 1):
        turn(1)
    seconds = time.perf_counter() - start
    host.fill_holes()
    _hand_back_freed()
    if job.device == "cpu":
        _reset_resident_peak()
    else:
        side.reset_peak()
    start = time.perf_counter()
    turn(1)
    seconds += time.perf_counter() - start
    peak = _resident("VmHWM") - before if job.device == "cpu" else side.peak_bytes()
    return side.facts() | {"warm_up_seconds": seconds, "peak_bytes": peak}, turn


def _hand_back_freed() -> None:
    """Gives freed memory back to the system, so that a process that waits does not hold what the next one needs."""
    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def _reset_resident_peak() -> None:
    with suppress(OSError):  # where the system cannot, the peak includes that of compiling
        Path("/proc/self/clear_refs").write_text("5")


def _resident(field: str) -> int:
    """Bytes in memory now (`VmRSS`), or at the peak (`VmHWM`); 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def _reason(error: BaseException) -> str:
    if isinstance(error, ImportError) and error.name == "torch":
        return "PyTorch is not installed"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2])[:300]
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"
