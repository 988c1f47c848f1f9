"""How the step is spread over a CPU's cores."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax import cpu, host


@pytest.mark.parametrize(
    ("cores", "batch_size", "flags", "devices"),
    [
        (4, 8, "", 4),
        (8, 64, "--xla_cpu_enable_fast_math=false", 8),
        (1, 8, "", None),
        (16, 64, "", None),
        (4, 6, "", None),  # a batch that the cores do not divide
        (4, 8, "--xla_force_host_platform_device_count=2", None),
    ],
)
def test_each_core_is_a_device(monkeypatch, cores, batch_size, flags, devices):
    updated = {}
    monkeypatch.setattr(host, "cores", lambda: cores)
    monkeypatch.setattr(jax.config, "update", updated.__setitem__)
    monkeypatch.setenv("XLA_FLAGS", flags)
    cpu.one_device_per_core(batch_size)
    assert updated == ({} if devices is None else {"jax_num_cpu_devices": devices})


@pytest.mark.parametrize("chosen", ["", "3"])
def test_jax_finds_as_many_devices(chosen):
    code = "import jax; from pix2pix_jax import cpu; cpu.one_device_per_core(840); print(jax.local_device_count())"
    environment = os.environ | {"XLA_FLAGS": ""} | ({"JAX_NUM_CPU_DEVICES": chosen} if chosen else {})
    found = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    cores = host.cores() if host.cores() <= 8 else 1
    assert int(found) == int(chosen or cores)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_comes_after_is_the_same_and_waits(dtype):
    x = {"weights": jnp.array([1.0, -2.5, 1e-30], dtype), "bias": jnp.float32(3.0)}
    after = jax.jit(cpu.after)
    for earlier in (0.0, -1.0, 7.0, np.inf):
        jax.tree.map(np.testing.assert_array_equal, after(x, jnp.array([[earlier, np.nan]], dtype)), x)
    # Only what needs `earlier` can tell that it is no number: XLA has not made a constant of the zero.
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(after(x, jnp.array([np.nan], dtype))))


def test_elsewhere_nothing_is_added(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    x = jnp.ones(3)
    assert cpu.after(x, jnp.ones(1)) is x
