"""Several processes in one run: joining it, seeing the same, stopping after the same step; by JAX's own means."""

import os
import signal
import zlib
from collections.abc import Mapping

import jax
import numpy as np
from jax.experimental import multihost_utils

from pix2pix_jax.errors import UserError


def initialize(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    join_timeout: int = 300,
    lost_timeout: int = 30,
) -> None:
    """Joins the other processes of the run, where there are any. Call it before anything touches a device.

    Without arguments there are others where the environment says so: `JAX_COORDINATOR_ADDRESS`, more than one task in
    a SLURM step or under Open MPI, or several hosts in `TPU_WORKER_HOSTNAMES`. Once one process has died, JAX's
    coordination service in process 0 ends all others with a non-zero status.

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
    if coordinator == "auto":
        coordinator = num_processes = process_id = None
    elif (coordinator, num_processes, process_id) != (None, None, None):
        _check_flags(coordinator, num_processes, process_id)
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


def _check_flags(coordinator: str | None, count: int | None, number: int | None) -> None:
    if coordinator is None or count is None or number is None:
        raise UserError("--coordinator, --num_processes and --process_id belong together: give all three or none")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"--coordinator={coordinator} is not an address: use HOST:PORT, such as node0:12345")
    if not 0 <= number < count:
        raise UserError(f"--process_id={number} is none of {count} processes: use 0 to {count - 1}, each once")


def _several_in_environment() -> bool:
    counts = (os.environ.get(name, "1") for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"))
    named = "JAX_COORDINATOR_ADDRESS" in os.environ or "," in os.environ.get("TPU_WORKER_HOSTNAMES", "")
    return named or any(count != "1" for count in counts)


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


def stop_after(step: int, wanted: int) -> int:
    """The signal for which to stop after a step, or 0; all processes call it together and stop after the same step.

    Args:
        step: its number.
        wanted: the signal that this process was sent, or 0; of several processes JAX's preemption service knows it.
    """
    if jax.process_count() == 1:
        return wanted
    return signal.SIGTERM if multihost_utils.reached_preemption_sync_point(step) else 0
