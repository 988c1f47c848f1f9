"""How the step is spread over a CPU's cores."""

import os
import subprocess
import sys

import jax
import pytest

from pix2pix_jax import host
from pix2pix_jax.config import Config, experiment_config, updated
from pix2pix_jax.training import cpu


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
    updates = {}
    monkeypatch.setattr(host, "cores", lambda: cores)
    monkeypatch.setattr(jax.config, "update", updates.__setitem__)
    monkeypatch.setenv("XLA_FLAGS", flags)
    cpu.one_device_per_core(Config(batch_size=batch_size))
    assert updates == ({} if devices is None else {"jax_num_cpu_devices": devices})


def test_devices_with_batch_statistics_of_their_own_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(host, "cores", lambda: 4)
    monkeypatch.setattr(jax.config, "update", lambda *_: pytest.fail("another number of devices"))
    monkeypatch.setenv("XLA_FLAGS", "")
    cpu.one_device_per_core(Config(sync_batch_norm=False))


@pytest.mark.parametrize("network", ["unet", "resnet"])
def test_large_networks_are_not_copied_to_each_core(monkeypatch, network):
    monkeypatch.setattr(host, "cores", lambda: 4)
    monkeypatch.setattr(jax.config, "update", lambda *_: pytest.fail("another number of devices"))
    monkeypatch.setenv("XLA_FLAGS", "")
    cpu.one_device_per_core(updated(experiment_config("pix2pix"), {"batch_size": 4, "generator.network": network}))


@pytest.mark.process
@pytest.mark.parametrize("chosen", ["", "3"])
def test_jax_finds_as_many_devices(chosen):
    code = (
        "import jax; from pix2pix_jax.config import Config; from pix2pix_jax.training import cpu;"
        "cpu.one_device_per_core(Config(batch_size=840)); print(jax.local_device_count())"
    )
    environment = os.environ | {"XLA_FLAGS": ""} | ({"JAX_NUM_CPU_DEVICES": chosen} if chosen else {})
    found = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    cores = host.cores() if host.cores() <= 8 else 1
    assert int(found) == int(chosen or cores)
