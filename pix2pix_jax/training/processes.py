"""Several processes in one run: joining it, seeing the same, stopping after the same step; by JAX's own means."""

import os
import signal
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import jax
import numpy as np
from jax.experimental import multihost_utils

from pix2pix_jax.errors import UserError

_LONGEST_TIMEOUT = 10**6  # s
_MOST_PROCESSES = 2**20


def initialize(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    join_timeout: int = 300,
    lost_timeout: int = 30,
) -> None:
    """Joins the other processes of the run, where there are any. Call it before anything touches a device.

    Without arguments there are others where the environment says so: `JAX_COORDINATOR_ADDRESS`, more than one task in
    a SLURM step or under Open MPI, or several hosts in `TPU_WORKER_HOSTNAMES`. JAX then finds the rest by itself.

    JAX's coordination service, in process 0, ends every process with a non-zero status once one has died.

    Args:
        coordinator: HOST:PORT at which process 0 listens, given together with the next two; or "auto" alone, for JAX
            to find out everything, as it can on a TPU pod.
        num_processes: processes in the run.
        process_id: this one's number, from 0.
        join_timeout: seconds until all must have joined.
        lost_timeout: seconds after which a process that gives no sign of life counts as dead.

    Raises:
        UserError: if the arguments contradict themselves, or JAX cannot join the run.
    """
    for name, seconds in (("join_timeout", join_timeout), ("lost_timeout", lost_timeout)):
        if not 1 <= seconds <= _LONGEST_TIMEOUT:
            raise UserError(
                f"--{name}={seconds} is too {'short' if seconds < 1 else 'long'}: use 1 to {_LONGEST_TIMEOUT} seconds"
            )
    given = {"--coordinator": coordinator, "--num_processes": num_processes, "--process_id": process_id}
    if coordinator == "auto":
        coordinator = num_processes = process_id = None
    elif any(value is not None for value in given.values()):
        _check_flags(given)
        if num_processes == 1:
            return
    elif not _several_in_environment():
        return
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            initialization_timeout=join_timeout,
            heartbeat_timeout_seconds=lost_timeout,
            shutdown_timeout_seconds=lost_timeout,
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot join the run: {str(error).splitlines()[0]}") from error


def _check_flags(given: Mapping[str, object]) -> None:
    if missing := [name for name, value in given.items() if value is None]:
        raise UserError(
            f"--coordinator, --num_processes and --process_id belong together: {' and '.join(missing)} is missing"
        )
    coordinator, count, number = given.values()
    host, _, port = str(coordinator).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"--coordinator={coordinator} is not an address: use HOST:PORT, such as node0:12345")
    if not isinstance(count, int) or not 1 <= count <= _MOST_PROCESSES:
        raise UserError(f"--num_processes={count} is not a number of processes: use 1 to {_MOST_PROCESSES}")
    if not isinstance(number, int) or not 0 <= number < count:
        raise UserError(f"--process_id={number} is none of {count} processes: use 0 to {count - 1}, each once")


def _several_in_environment() -> bool:
    environment = os.environ
    counts = (environment.get(name, "1") for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"))
    return (
        "JAX_COORDINATOR_ADDRESS" in environment
        or any(count != "1" for count in counts)
        or "," in environment.get("TPU_WORKER_HOSTNAMES", "")
    )


def check_alike(values: Mapping[str, object]) -> None:
    """Checks that every process has the same values; all processes call it together.

    Args:
        values: what to compare, by name; the names are the same in every process.

    Raises:
        UserError: in every process, if a value differs; names it and the first process that has another.
    """
    if jax.process_count() == 1:
        return
    checksums = np.array([zlib.crc32(repr(value).encode()) for value in values.values()], np.uint32)
    everywhere = np.asarray(multihost_utils.process_allgather(checksums))
    for (name, value), column in zip(values.items(), everywhere.T, strict=True):
        if (column != column[0]).any():
            odd = int(np.argmax(column != column[0]))
            raise UserError(
                f"process 0 and process {odd} differ in {name} ({value} in process {jax.process_index()}): all"
                " processes need the same config, the same photographs, and one --workdir that they share"
            )


_to_save = False


def has_something_to_save() -> bool:
    """Whether a run in this process has taken a step, which is saved if it is told to stop."""
    return _to_save


@contextmanager
def stop_request() -> Iterator[Callable[[int], int]]:
    """Catches signals, so that a run can end between two steps; a second signal ends it at once.

    They are SIGINT, SIGTERM and, where it is not ignored (as by `nohup`), SIGHUP, which a terminal that closes sends.

    Of several processes each may get the signal: JAX's preemption service has all of them stop after the same step.

    Yields:
        A function that all processes call after each step, with its number: the signal to stop for, or 0.
    """
    global _to_save
    several, caught = jax.process_count() > 1, 0

    def catch(number: int, _: object) -> None:
        nonlocal caught
        for known, handler in old.items():
            signal.signal(known, handler)
        if several:
            signal.raise_signal(signal.SIGTERM)  # which JAX's service has taken
        caught = number

    def stop_after(step: int) -> int:
        global _to_save
        _to_save = True
        if several:
            return signal.SIGTERM if multihost_utils.reached_preemption_sync_point(step) else 0
        return caught

    numbers = [signal.SIGINT] if several else [signal.SIGINT, signal.SIGTERM]
    old = {number: signal.getsignal(number) for number in numbers}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and not several:
        old[signal.SIGHUP] = signal.SIG_DFL
    try:
        for number in old:
            signal.signal(number, catch)
    except ValueError:  # only the main thread may; elsewhere signals are the caller's
        old = {}
    try:
        yield stop_after
    finally:
        _to_save = False
        for number, handler in old.items():
            signal.signal(number, handler)
