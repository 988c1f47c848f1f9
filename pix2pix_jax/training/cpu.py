"""How the training step is spread over a CPU's cores, and given room in its memory."""

import os
from collections.abc import Callable
from typing import Any

import jax

from pix2pix_jax import host
from pix2pix_jax.config import Config

_MOST_CORES = 8  # measured on two; the more devices share batch statistics, the longer they wait for each other
_SMALL_NETWORKS = "reference", "efficientnet"  # the others have so many parameters that updating them twice costs more


def one_device_per_core(config: Config) -> None:
    """Makes each core a device, where there are few, the batch divides by them, and the user has not said otherwise.

    Most operations are too short to be split well over the cores: one device takes 1.09 times as long a step as two of
    one core each (batch 64 of 96×96, float32; AVX2). Of the paper's networks it takes 0.8 to 0.95 of the time, since
    every device updates all parameters.
    Call it before JAX looks for devices. It concerns the CPU alone, a run of one process, and one whose devices share
    their batch statistics, since the others would compute something else.

    Args:
        config: the run's; of several runs in one process, any.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    number = jax.config.jax_num_cpu_devices  # pyright: ignore[reportAttributeAccessIssue]
    chosen = number > 0 or "host_platform_device_count" in flags
    if chosen or jax.distributed.is_initialized() or not config.sync_batch_norm:
        return
    small = config.generator.network in _SMALL_NETWORKS
    if small and 1 < host.cores() <= _MOST_CORES and config.batch_size % host.cores() == 0:
        jax.config.update("jax_num_cpu_devices", host.cores())


def compiled_on_first_call(mapped: Any) -> Callable[..., Any]:
    """Compiles a mapped function for its first arguments, and makes room for its buffers; see `host.make_room`.

    Args:
        mapped: what `jax.pmap` returned, on CPU devices of this process.

    Returns:
        A function of the same arguments; later ones must have the same shapes and types.
    """
    compiled: Any = None

    def call(*arguments: Any) -> Any:
        nonlocal compiled
        if compiled is None:
            compiled = mapped.lower(*arguments).compile()
            _make_room_once(compiled.memory_analysis().temp_size_in_bytes)
        return compiled(*arguments)

    return call


_made_room = False


def _make_room_once(size: int) -> None:
    """Makes room for the first program alone: the rooms that are free then would be taken for holes."""
    global _made_room
    if not _made_room:
        _made_room = True
        host.make_room([size] * jax.local_device_count())
