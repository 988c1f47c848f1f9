"""How the training step is spread and compiled on a CPU."""

import os
from collections.abc import Callable
from typing import Any

import jax

from pix2pix_jax import host
from pix2pix_jax.config import Config

_MOST_CORES = 8  # measured on two; the more devices share batch statistics, the longer they wait for each other


def one_device_per_core(config: Config) -> None:
    """Makes each core a device, where there are few, the batch divides by them, and the user has not said otherwise.

    A step on several devices of one core each takes 0.91 of the time of one on a device that splits every operation
    over the cores, as most operations are too short to be split well (two cores, batch 64 of 96×96).
    Call it before JAX looks for devices. It concerns the CPU alone, a run of one process, and one whose devices share
    their batch statistics, since the others would compute something else.

    Args:
        config: the run's; of several runs in one process, any.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    chosen = jax.config.jax_num_cpu_devices > 0 or "host_platform_device_count" in flags
    if chosen or jax.distributed.is_initialized() or not config.sync_batch_norm:
        return
    if 1 < host.cores() <= _MOST_CORES and config.batch_size % host.cores() == 0:
        jax.config.update("jax_num_cpu_devices", host.cores())


def compiled_on_first_call(mapped: Any) -> Callable[..., Any]:
    """Compiles a mapped function for its first arguments; later ones must have the same shapes and types.

    Args:
        mapped: what `jax.pmap` returned, on CPU devices of this process.

    Returns:
        A function of the same arguments.
    """
    compiled: Any = None

    def call(*arguments: Any) -> Any:
        nonlocal compiled
        if compiled is None:
            compiled = _compile(mapped, arguments)
        return compiled(*arguments)

    return call


def _compile(mapped: Any, arguments: tuple[Any, ...]) -> Any:
    devices = jax.local_device_count()
    # As many devices as cores have a core each: nothing is gained by splitting an operation, or by an order of them in
    # which several could run at once.
    spare = devices < host.cores()
    options = {
        "xla_cpu_multi_thread_eigen": spare,
        "xla_cpu_enable_concurrency_optimized_scheduler": spare,
        "xla_backend_optimization_level": 2,  # 3, the default, compiles for a fifth longer, for 1 to 6 % of the step
    }
    compiled = mapped.lower(*arguments).compile(compiler_options=options)
    _make_room_once(compiled.memory_analysis().temp_size_in_bytes, devices)
    return compiled


_made_room = False


def _make_room_once(size: int, devices: int) -> None:
    """Makes room for the first program alone: the rooms that are free then would be taken for holes."""
    global _made_room
    if not _made_room:
        _made_room = True
        host.make_room([size] * devices)
