"""How the training step is spread and compiled on a CPU."""

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from pix2pix_jax import host

_MOST_CORES = 8  # measured on two; the more devices share batch statistics, the longer they wait for each other


def one_device_per_core(batch_size: int) -> None:
    """Makes each core a device, where there are few, the batch divides by them, and the user has not said otherwise.

    A step on several devices of one core each takes 0.91 of the time of one on a device that splits every operation
    over the cores, as most operations are too short to be split well (two cores, batch 64 of 96×96).
    Call it before JAX looks for devices; it concerns the CPU alone, and this process alone.

    Args:
        batch_size: images of a step.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    chosen = jax.config.values["jax_num_cpu_devices"] > 0 or "host_platform_device_count" in flags
    if not chosen and 1 < host.cores() <= _MOST_CORES and batch_size % host.cores() == 0:
        jax.config.update("jax_num_cpu_devices", host.cores())


def after(x: Any, earlier: jax.Array) -> Any:
    """Makes whatever uses x wait, on a CPU, until `earlier` has been computed.

    XLA's CPU backend runs what is ready, in an order that chance decides, and not alike on all devices. A device that
    takes long work early on, although nothing waits for it yet, has the others wait at their next collective, and
    waits for them in turn once they come to that work. Work that could be done at any time is better held back, on all
    devices until the same moment: a step then takes 0.97 of the time (two cores, batch 64 of 96×96).
    It is done by adding a zero that XLA cannot know to be one. `jax.lax.optimization_barrier` would not do: it is gone
    by the time the order is made.

    Args:
        x: a pytree of floating-point arrays.
        earlier: a floating-point array, not empty.

    Returns:
        x; elsewhere than on a CPU x itself. Where the first number of `earlier` is NaN, NaN.
    """
    if jax.default_backend() != "cpu":
        return x
    zero = jnp.minimum(jnp.abs(earlier.ravel()[0]), 0.0)
    return jax.tree.map(lambda leaf: leaf + zero.astype(leaf.dtype), x)


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
