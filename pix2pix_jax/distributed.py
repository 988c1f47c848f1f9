"""Joining the processes of a run that spans several hosts, before anything touches a device."""

import ctypes
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
from jax._src import clusters

from pix2pix_jax.errors import UserError
from pix2pix_jax.peers import Peers

# JAX's own detection of clusters, which asks nothing of a machine that is on none. Kubernetes is left out: every pod
# has its variables, whether it runs alone or not.
_CLUSTERS = ("OmpiCluster", "SlurmCluster", "GkeTpuCluster", "GceTpuCluster")

_TERMINATE_HANDLER = ctypes.CFUNCTYPE(None)
_installed: list[Any] = []  # C++ holds no reference to the handlers it calls


class Place(NamedTuple):
    """Where a process stands in a run; None leaves a number to JAX's detection of the cluster.

    Attributes:
        coordinator: HOST:PORT of process 0.
        num_processes: processes in the run.
        process_id: this one's number.
        cluster: JAX's name for its way of detection, "deactivate" for none.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    cluster: str | None = None


def initialize(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    join_timeout: int = 300,
    lost_timeout: int = 30,
) -> Peers:
    """Joins the other processes of the run, where there are any.

    Without arguments there are others where the environment says so: `JAX_COORDINATOR_ADDRESS` (with
    `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`, or a cluster that says these), Open MPI or SLURM with more than one
    task, a TPU pod. Elsewhere nothing is done, and nothing waited for.

    Args:
        coordinator: HOST:PORT at which process 0 listens; given together with the next two, or none of them.
        num_processes: processes in the run.
        process_id: this one's number, from 0.
        join_timeout: seconds until all must have joined.
        lost_timeout: seconds after which a process that gives no sign of life is taken for dead.

    Returns:
        The processes of the run, to be closed when it ends; this one alone where there are no others.

    Raises:
        UserError: if the arguments or the environment contradict themselves.
    """
    for name, seconds in (("join_timeout", join_timeout), ("lost_timeout", lost_timeout)):
        if seconds < 1:
            raise UserError(f"--{name}={seconds} is too short: use 1 second or more")
    place = _from_flags(coordinator, num_processes, process_id) or place_from_environment()
    if place is None:
        return Peers()
    # Signals are agreed upon by the training loop, SIGINT among them; JAX's service would take SIGTERM alone.
    jax.config.update("jax_enable_preemption_service", False)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    named = place.coordinator or "the coordinator that the cluster names"
    late = threading.Timer(join_timeout, _give_up, [f"{named}: not all processes have joined in {join_timeout} s"])
    late.daemon = True
    late.start()
    failed: list[Callable[[], None]] = []
    try:
        with _told_of_a_failed_client(lambda: failed[0]() if failed else _give_up(f"{named}: it has ended")):
            jax.distributed.initialize(
                coordinator_address=place.coordinator,
                num_processes=place.num_processes,
                process_id=place.process_id,
                cluster_detection_method=place.cluster,
                # The timer is to come first: JAX ends the process with a C++ stack dump.
                initialization_timeout=2 * join_timeout + 60,
                # The processes watch each other more closely than this, see `Peers`: at twice the time, JAX's service
                # was at times the first to notice, which ends a process with a stack dump.
                heartbeat_timeout_seconds=4 * lost_timeout,
                shutdown_timeout_seconds=4 * lost_timeout,
            )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot join the run at {named}: {str(error).splitlines()[0]}") from error
    finally:
        late.cancel()
    peers = Peers(jax.process_index(), jax.process_count(), lost_timeout)
    failed.append(peers.client_failed)
    return peers


def _from_flags(coordinator: str | None, num_processes: int | None, process_id: int | None) -> Place | None:
    flags = {"--coordinator": coordinator, "--num_processes": num_processes, "--process_id": process_id}
    missing = [name for name, value in flags.items() if value is None]
    if len(missing) == 3:
        return None
    if missing:
        raise UserError(
            f"--coordinator, --num_processes and --process_id belong together: {' and '.join(missing)} is missing"
        )
    assert coordinator is not None
    assert num_processes is not None
    assert process_id is not None
    return _checked(coordinator, num_processes, process_id, ("--coordinator", "--num_processes", "--process_id"))


def _checked(coordinator: str, num_processes: int, process_id: int, names: tuple[str, str, str]) -> Place | None:
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"{names[0]}={coordinator} is no address: use HOST:PORT, such as node0:12345")
    if num_processes < 1:
        raise UserError(f"{names[1]}={num_processes} is not a number of processes: use 1 or more")
    if not 0 <= process_id < num_processes:
        raise UserError(
            f"{names[2]}={process_id} is none of {num_processes} processes: use 0 to {num_processes - 1}, each once"
        )
    return Place(coordinator, num_processes, process_id, "deactivate") if num_processes > 1 else None


def place_from_environment() -> Place | None:
    """Where the environment puts this process in a run of several; None where it is alone."""
    environment = os.environ
    names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    coordinator, *numbers = map(environment.get, names)
    if coordinator and all(numbers):
        try:
            num_processes, process_id = (int(number or "") for number in numbers)
        except ValueError as error:
            raise UserError(f"{names[1]}={numbers[0]} and {names[2]}={numbers[1]}: wanted whole numbers") from error
        return _checked(coordinator, num_processes, process_id, names)
    if "1" in (environment.get("SLURM_NTASKS"), environment.get("OMPI_COMM_WORLD_SIZE")):
        return None
    try:
        for name in _CLUSTERS:
            cluster = getattr(clusters, name, None)
            if cluster is not None and cluster.is_env_present():
                return Place(coordinator, cluster=cluster.name) if cluster.get_process_count() > 1 else None
    except RuntimeError as error:  # Open MPI 5, which tells JAX nothing without mpi4py
        raise UserError(
            f"JAX finds a cluster but not its processes ({str(error).splitlines()[0]}):"
            " give --coordinator, --num_processes and --process_id"
        ) from error
    if coordinator:
        raise UserError(f"{names[0]}={coordinator} is set, but {names[1]} and {names[2]} are not: set all three")
    return None


def _give_up(reason: str) -> None:
    print(f"error: cannot join the run at {reason}", file=sys.stderr, flush=True)
    os._exit(1)  # the main thread waits in C++


@contextmanager
def _told_of_a_failed_client(tell: Callable[[], None]) -> Iterator[None]:
    """Has the client that is made inside call a function where it would end the process with a C++ stack dump.

    The client polls the coordinator, and aborts as soon as that has ended or tells it of a dead process. It takes a
    callback to do instead, but `jax.distributed.initialize` does not hand one on; and jaxlib, up to 0.12 at least,
    cannot pass the callback its argument, and comes to `std::terminate` over it: so that is told, too.
    """
    jaxlib: Any = importlib.import_module("jaxlib._jax")
    make_client = getattr(jaxlib, "get_distributed_runtime_client", None)
    if make_client is None:
        yield
        return

    def make(*arguments: Any, **options: Any) -> Any:
        return make_client(*arguments, **options, missed_heartbeat_callback=lambda *_: tell())

    _on_terminate(tell)
    jaxlib.get_distributed_runtime_client = make
    try:
        yield
    finally:
        jaxlib.get_distributed_runtime_client = make_client


def _on_terminate(tell: Callable[[], None]) -> None:
    """Sets what C++ calls before it aborts over an exception that nothing catches, where its library is GNU's."""
    try:
        set_terminate = ctypes.CDLL("libstdc++.so.6")["_ZSt13set_terminatePFvvE"]
    except (AttributeError, OSError):
        return
    set_terminate.argtypes, set_terminate.restype = [_TERMINATE_HANDLER], ctypes.c_void_p

    def handle() -> None:
        tell()
        usual()  # it was something else

    handler = _TERMINATE_HANDLER(handle)
    usual = _TERMINATE_HANDLER(set_terminate(handler) or 0)
    _installed.append((handler, usual))
