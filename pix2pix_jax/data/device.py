"""Batches on the devices, and a whole decoded set on them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from pix2pix_jax.data.cache import DecodedSet, DoesNotFitError
from pix2pix_jax.data.order import Draws

# Share of a device's free memory that a decoded set may take; the rest is the training step's.
DEVICE_SHARE = 0.4

_AXIS = "device"


def local_mesh() -> Mesh:
    """This process's devices in a row."""
    return Mesh(np.array(jax.local_devices()), (_AXIS,))


def split(rows: NDArray) -> jax.Array:
    """Spreads rows over this process's devices: [rows, …] to [devices, rows per device, …], one part on each."""
    parts = rows.reshape(jax.local_device_count(), -1, *rows.shape[1:])
    return jax.device_put(parts, NamedSharding(local_mesh(), PartitionSpec(_AXIS)))


@jax.jit
def mirror(crops: jax.Array, mirrored: jax.Array) -> jax.Array:
    """Changes left and right of some crops.

    Args:
        crops: [..., height, width, channels].
        mirrored: bool [...].

    Returns:
        The same shape.
    """
    return jnp.where(mirrored[..., None, None, None], crops[..., ::-1, :], crops)


class ResidentSet:
    """A decoded set in the memory of each of this process's devices."""

    def __init__(self, decoded: DecodedSet, crop: tuple[int, int]) -> None:
        """Copies the set to the devices.

        Args:
            decoded: the set.
            crop: height and width of the crops, px.

        Raises:
            DoesNotFitError: if it takes more than `DEVICE_SHARE` of a device's free memory.
        """
        free = min(map(free_memory, jax.local_devices()))
        if decoded.pixels.nbytes > DEVICE_SHARE * free:
            raise DoesNotFitError(
                f"decoded, the images take {decoded.pixels.nbytes / 1e9:,.1f} GB, more than {DEVICE_SHARE:.0%} of"
                f" a device's {free / 1e9:,.1f} free: give --config.data.cache=host to leave them in the host's memory"
            )
        self._decoded, self._crop = decoded, crop
        mesh = local_mesh()
        self._pixels = jax.device_put(decoded.pixels, NamedSharding(mesh, PartitionSpec()))
        self._cut = _cutter(mesh, (*crop, decoded.channels))

    def cut(self, draws: Draws) -> jax.Array:
        """Copies the crops of a batch out of the set, mirrored as drawn.

        Returns:
            [devices, rows per device, height, width, channels].
        """
        crops = self._decoded.locate(draws, self._crop)
        # In one array, since every transfer costs as much as a few crops.
        return self._cut(self._pixels, split(np.stack([*crops, draws.mirrored], axis=-1).astype(np.int32)))


def _cutter(mesh: Mesh, shape: tuple[int, int, int]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Compiles the copying of crops, each device its own; a crop is int32 (chunk, start, stride, mirrored)."""
    height, width, channels = shape
    rows = jnp.arange(height, dtype=jnp.int32)

    def cut_row(pixels: jax.Array, chunk: jax.Array, start: jax.Array) -> jax.Array:
        return lax.dynamic_slice(pixels, (chunk, start), (1, width * channels))

    def cut_crop(pixels: jax.Array, crop: jax.Array) -> jax.Array:
        chunk, start, stride, _ = crop
        cut = jax.vmap(partial(cut_row, pixels, chunk))(start + stride * rows)
        return cut.reshape(shape)

    def cut_all(pixels: jax.Array, crops: jax.Array) -> jax.Array:
        cut = jax.vmap(jax.vmap(partial(cut_crop, pixels)))(crops)
        return mirror(cut, crops[..., 3] > 0)

    split_over = PartitionSpec(_AXIS)
    return jax.jit(jax.shard_map(cut_all, mesh=mesh, in_specs=(PartitionSpec(), split_over), out_specs=split_over))


def free_memory(device: Any) -> int:
    """Bytes of a device's memory that nothing has taken; a CPU's is the host's."""
    statistics = device.memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics["bytes_in_use"]
    with open("/proc/meminfo") as file:
        available = next(line for line in file if line.startswith("MemAvailable"))
    return 1024 * int(available.split()[1])
