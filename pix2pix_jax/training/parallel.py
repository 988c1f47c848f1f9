"""The step on all devices: the one place that maps it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from pix2pix_jax.state import AXIS, Model, TrainState
from pix2pix_jax.step import Metrics, train_step
from pix2pix_jax.training import cpu


def parallel_train_step(
    model: Model,
) -> Callable[[TrainState, ArrayLike], tuple[TrainState, Metrics]]:
    """Maps `train_step` over all devices, those of other processes included.

    Args:
        model: the task, the networks (their `axis_name` None or `AXIS`) and the optimizer.

    Returns:
        A compiled function of the state, an ordinary pytree whose buffers it takes over, and a batch, uint8 RGB
        [local devices, batch per device, height, width, 3]; it returns the new state and the loss terms. All batches
        must have the shape of the first.
    """
    mapped = mapped_train_step(model)
    here = jax.default_backend() == "cpu" and jax.process_count() == 1
    return cpu.compiled_on_first_call(mapped) if here else mapped


def mapped_train_step(model: Model, devices: Any = None) -> Any:
    """As `parallel_train_step`, before it is compiled: `lower` takes shapes, for devices that may not be there."""
    return jax.pmap(
        partial(train_step, model, axis_name=AXIS),
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
