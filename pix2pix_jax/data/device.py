"""Batches on the devices, and a whole decoded set on them."""

import math
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


def _place(values: NDArray, *axes: str) -> jax.Array:
    """Puts an array on this process's devices: a part of its first axis on each, or without `axes` all of it."""
    mesh = Mesh(np.array(jax.local_devices()), ("device",))
    return jax.device_put(values, NamedSharding(mesh, PartitionSpec(*axes)))


def split(rows: NDArray) -> jax.Array:
    """Spreads rows over this process's devices: [rows, …] to [devices, rows per device, …], one part on each."""
    return _place(rows.reshape(jax.local_device_count(), -1, *rows.shape[1:]), "device")


@jax.jit
def mirrored(crops: jax.Array, which: jax.Array) -> jax.Array:
    """Changes left and right of those crops, [..., height, width, channels], for which `which`, bool [...], is true."""
    return jnp.where(which[..., None, None, None], crops[..., ::-1, :], crops)


class ResidentSet:
    """A decoded set in the memory of each of this process's devices."""

    def __init__(self, decoded: DecodedSet, crop: tuple[int, int]) -> None:
        """Copies the set to the devices, for crops of some height and width, px.

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
        self._pixels = _place(decoded.pixels)

    def cut(self, draws: Draws) -> jax.Array:
        """Copies the crops of a batch out of the set, mirrored as drawn: [devices, rows, height, width, channels]."""
        # In one array, since every transfer costs as much as a few crops.
        places = np.column_stack([self._decoded.locate(draws, self._crop), draws.mirrored]).astype(np.int32)
        return _cut(self._pixels, split(places), (*self._crop, self._decoded.channels))


@partial(jax.jit, static_argnums=2)
def _cut(pixels: jax.Array, crops: jax.Array, shape: tuple[int, int, int]) -> jax.Array:
    """Copies crops of one shape, each device its own; a crop is int32 (chunk, start, stride, mirrored)."""
    height, width, channels = shape

    def cut_row(chunk: jax.Array, start: jax.Array) -> jax.Array:
        return lax.dynamic_slice(pixels, (chunk, start), (1, width * channels))

    def cut_crop(crop: jax.Array) -> jax.Array:
        chunk, start, stride, _ = crop
        rows = jax.vmap(cut_row, (None, 0))(chunk, start + stride * jnp.arange(height, dtype=jnp.int32))
        return rows.reshape(shape)

    return mirrored(jax.vmap(jax.vmap(cut_crop))(crops), crops[..., 3] > 0)


def free_memory(device: Any) -> float:
    """Bytes of a device's memory that nothing has taken; infinite for a CPU, which does not tell."""
    statistics = device.memory_stats() or {}
    return statistics.get("bytes_limit", math.inf) - statistics.get("bytes_in_use", 0)
