"""The host's cores as devices, and the C library's heap."""

import os
import platform
import subprocess
import sys

import jax
import pytest

from pix2pix_jax import host
from pix2pix_jax.commands import cpu
from pix2pix_jax.config import default_config, updated


@pytest.mark.parametrize(
    ("cores", "changes", "flags", "devices"),
    [
        (4, {}, "", 4),
        (8, {"batch_size": 64}, "--xla_cpu_enable_fast_math=false", 8),
        (1, {}, "", None),
        (16, {"batch_size": 64}, "", None),
        (4, {"batch_size": 6}, "", None),  # a batch that the cores do not divide
        (4, {}, "--xla_force_host_platform_device_count=2", None),
        (4, {"sync_batch_norm": False}, "", None),
        (4, {"generator.network": "unet"}, "", None),  # large networks would be updated on each
    ],
)
def test_each_core_is_a_device(monkeypatch, cores, changes, flags, devices):
    updates = {}
    monkeypatch.setattr(host, "cores", lambda: cores)
    monkeypatch.setattr(jax.config, "update", updates.__setitem__)
    monkeypatch.setenv("XLA_FLAGS", flags)
    cpu.one_device_per_core(updated(default_config(), {"batch_size": 8} | changes))
    assert updates == ({} if devices is None else {"jax_num_cpu_devices": devices})


def run(code, **environ):
    environment = os.environ | {"XLA_FLAGS": ""} | environ
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, timeout=60)


@pytest.mark.process
@pytest.mark.parametrize("chosen", ["", "3"])
def test_jax_finds_as_many_devices(chosen):
    code = (
        "import jax; from pix2pix_jax.config import Config; from pix2pix_jax.commands import cpu;"
        "cpu.one_device_per_core(Config(batch_size=840)); print(jax.local_device_count())"
    )
    cores = host.cores() if host.cores() <= 8 else 1
    assert int(run(code, **({"JAX_NUM_CPU_DEVICES": chosen} if chosen else {}))) == int(chosen or cores)


_UPDATE = """
import jax
import jax.numpy as jnp
from pix2pix_jax.commands import cpu
%s
def step(kernels, x):
    def loss(one, other):
        return jnp.square(jnp.tanh(x @ one.reshape(1024, 1024)) @ other.reshape(1024, 1024)).sum()
    return jax.tree.map(jnp.subtract, kernels, jax.grad(loss, (0, 1))(*kernels))
kernel = jax.ShapeDtypeStruct((4, 256, 1024), jnp.float32)
lowered = jax.jit(step, donate_argnums=0).lower((kernel, kernel), jnp.zeros((8, 1024)))
print(lowered.compile().memory_analysis().temp_size_in_bytes)
"""


@pytest.mark.process
def test_parameters_are_updated_in_place():
    kernel = 4 * 1024**2
    assert int(run(_UPDATE % "")) > 2 * kernel  # what XLA does of itself: a gradient and a copy
    assert int(run(_UPDATE % "cpu.update_in_place()")) < 1.5 * kernel
    chosen = "--xla_cpu_copy_insertion_use_region_analysis=false"
    assert int(run(_UPDATE % "cpu.update_in_place()", XLA_FLAGS=chosen)) > 2 * kernel


_WRITTEN_TWICE = """
import ctypes, resource
from pix2pix_jax import host
host.keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.memset.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
size = 2**31 + 2**28  # more than an int counts, as large steps take
block = libc.malloc(size)
libc.memset(block, 1, size)
libc.free(block)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
libc.memset(libc.malloc(size), 1, size)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


@pytest.mark.process
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_kept():
    assert int(run(_WRITTEN_TWICE)) < 100  # pages, of 589,824


_HOLES_BELOW = """
import ctypes
from pix2pix_jax import host
host.keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype, libc.free.argtypes = [ctypes.c_size_t], ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(2000)]
for block in blocks[::2]:
    libc.free(block)
%s
print(sum(libc.malloc(100_000) < max(blocks) for _ in range(500)))
"""


@pytest.mark.process
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_filled_holes_are_not_searched_again():
    assert int(run(_HOLES_BELOW % "")) == 500  # what glibc does of itself
    assert int(run(_HOLES_BELOW % "host.fill_holes()")) == 0
    assert int(run((_HOLES_BELOW % "host.fill_holes()").replace("host.keep_freed_memory()", ""))) == 500
