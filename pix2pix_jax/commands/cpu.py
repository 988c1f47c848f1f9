"""How the training step uses a CPU: its cores, and the memory of its state."""

import os
from importlib.util import find_spec

import jax

from pix2pix_jax import host
from pix2pix_jax.config import Config

_MOST_CORES = 8  # measured on two; the more devices share batch statistics, the longer they wait for each other
_IN_PLACE = "--xla_cpu_copy_insertion_use_region_analysis"
_TRIED = (0, 12)  # the newest JAX that is known to know it: a flag that XLA does not know ends the process
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


def update_in_place() -> None:
    """Has a CPU write what a step makes of its state over that state, without a copy, unless the user says otherwise.

    By default XLA's CPU backend copies each parameter that is read in another shape. The step of the paper's networks
    then reads and writes 1.15 times as much at batch 1, and takes 144 MiB more. Call it before JAX looks for devices.
    Newer versions of JAX, and hosts with libtpu, which reads the flags too, are left as they are.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    known = jax.__version_info__[:2] <= _TRIED and find_spec("libtpu") is None
    if known and _IN_PLACE not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_IN_PLACE}=true".lstrip()
