"""The step on all devices: the one place that maps it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pix2pix_jax import ops
from pix2pix_jax.state import AXIS, Model, TrainState
from pix2pix_jax.step import train_step


def parallel_train_step(model: Model, devices: Any = None) -> Any:
    """Maps `train_step` over all devices, those of other processes included.

    Args:
        model: the networks (their `axis_name` None or `AXIS`) and the optimizers.
        devices: others, which need not be there: then the result can be lowered and not called.

    Returns:
        A compiled function of the state, an ordinary pytree whose buffers it takes over, and a batch, uint8 RGB
        [local devices, batch per device, height, width, 3]; it returns the new state and the loss terms.
    """
    platform = (devices or jax.devices())[0].platform
    return jax.pmap(
        partial(ops.for_platform(platform)(train_step), model, axis_name=AXIS),
        axis_name=AXIS,
        in_axes=(None, 0),
        out_axes=(None, None),
        donate_argnums=0,
        devices=devices,
    )


def place(state: TrainState) -> TrainState:
    """Copies a state to all local devices the way the mapped step returns it, so that the step compiles once."""
    mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
    # The step takes over every buffer, so each must be its own: device_put has NumPy's memory, and a single device's,
    # serve as the buffers of several.
    copy = jax.jit(partial(jax.tree.map, jnp.copy), out_shardings=NamedSharding(mesh, PartitionSpec()))
    return copy(state)
