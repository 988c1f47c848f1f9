"""Chips to compile for, and the bandwidth that bounds a step on them."""

import os
from dataclasses import dataclass
from typing import Any

from pix2pix_jax.errors import UserError

# XLA's description of a GPU, from which it compiles for one that is not there.
_H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128 block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535 block_dim_limit_z: 65535 memory_bandwidth: 3352320000000 l2_cache_size: 52428800
  clock_rate_ghz: 1.98 device_memory_size: 84942979072 shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 } registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""


@dataclass(frozen=True)
class Target:
    """A kind of chip.

    Attributes:
        name: as makers write it.
        platform: JAX's name of the platform.
        bandwidth: of its memory, bytes/s.
        install: what its compiler needs.
    """

    name: str
    platform: str
    bandwidth: float
    install: str

    def devices(self, count: int) -> Any:
        """So many chips of one host, which are not there.

        Raises:
            UserError: if their compiler is not installed, or there is no host of so many.
        """
        from jax.experimental import topologies

        if self.platform == "cuda":
            description: dict[str, Any] = {"target_config": _H100, "topology": f"1x1x{count}"}
        else:
            rows, columns = _tpu_shape(count)
            bounds = [rows, columns, 1]
            description = {"topology_name": f"v5e:{rows}x{columns}", "chips_per_host_bounds": bounds}
        try:
            return topologies.get_topology_desc(platform=self.platform, **description).devices
        except Exception as error:  # whatever a plugin raises that is not there
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"cannot compile for {self.name} here ({reason}): {self.install}") from error


def _tpu_shape(count: int) -> tuple[int, int]:
    shapes = {1: (1, 1), 4: (2, 2), 8: (2, 4)}
    if count not in shapes:
        raise UserError(f"--devices={count}: a v5e host has {', '.join(map(str, shapes))} chips")
    # libtpu asks a server of Google's cloud where it is, unless told.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", f"v5litepod-{count}")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    return shapes[count]


# Bandwidths from NVIDIA's H100 SXM data sheet and Google's page about v5e.
TARGETS = {
    "h100": Target(
        "NVIDIA H100 SXM",
        "cuda",
        3.35e12,
        "pip install --no-deps jax-cuda12-plugin==$V jax-cuda12-pjrt==$V, with $V the version of jaxlib",
    ),
    "tpu-v5e": Target("TPU v5e", "tpu", 819e9, "pip install 'jax[tpu]'"),
}
