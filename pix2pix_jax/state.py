"""The state of a training run as one pytree, and what it takes to make one."""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from flax import struct

from pix2pix_jax.config import Config
from pix2pix_jax.networks import Discriminator, Generator, Params
from pix2pix_jax.tasks import ColorizationTask

AXIS = "batch"
"""Name of the device axis that the step averages over."""


class Network(struct.PyTreeNode):
    """What training changes in one network.

    Attributes:
        params: the Flax parameters, float32.
        opt_state: the state of its optimizer.
    """

    params: Params
    opt_state: optax.OptState


class Weights(struct.PyTreeNode):
    """What it takes to colour with a generator.

    Attributes:
        params: the Flax parameters, float32.
        averages: running averages of its batch norms (its collection `batch_stats`).
    """

    params: Params
    averages: Params


class TrainState(struct.PyTreeNode):
    """Everything that a training run carries from step to step.

    Attributes:
        step: steps taken, an int32 scalar.
        generator: the generator.
        averages: running averages of the generator's batch norms (its collection `batch_stats`).
        discriminator: the discriminator; None where the task has none.
        ema: exponential moving average of the generator's weights over the steps; None where none is kept.
    """

    step: jax.Array
    generator: Network
    averages: Params
    discriminator: Network | None
    ema: Weights | None = None

    @property
    def colorizing(self) -> Weights:
        """What colours: the moving average where one is kept, the generator as it is where not."""
        return self.ema or Weights(self.generator.params, self.averages)


@dataclasses.dataclass(frozen=True)
class Model:
    """What training does not change: the task, the two networks and their optimizers.

    Attributes:
        task: what the networks look at.
        generator: the generator module.
        discriminator: the discriminator module, unused where the task has none.
        optimizer: the gradient transformation that each network has a state of.
        ema_decay: how much of the moving average of the generator's weights a step keeps; 0 for no average.
        saturation: factor of the chroma of what is made when photographs are coloured, not in training.
    """

    task: ColorizationTask
    generator: Generator
    discriminator: Discriminator
    optimizer: optax.GradientTransformation
    ema_decay: float = 0.0
    saturation: float = 1.0

    def init(self, key: jax.Array) -> TrainState:
        """Makes the state at step 0 from a PRNG key."""
        generator_key, discriminator_key = jax.random.split(key)
        # Convolutions have no size of their own; the smallest image that both networks take is the cheapest.
        luma = jnp.zeros((1, 32, 32, 1))
        variables = self.generator.init(generator_key, luma)
        discriminator = None
        if self.task.adversarial:
            judged = jnp.zeros((1, 32, 32, self.task.discriminator_channels))
            discriminator = self._network(self.discriminator.init(discriminator_key, judged)["params"])
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            generator=self._network(variables["params"]),
            averages=variables["batch_stats"],
            discriminator=discriminator,
            ema=Weights(variables["params"], variables["batch_stats"]) if self.ema_decay else None,
        )

    def init_compiled(self, key: jax.Array) -> TrainState:
        """As `init`, in one compilation; on a CPU without optimisation, which would take longer than it saves."""
        options = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
        return jax.jit(self.init, compiler_options=options)(key)

    def _network(self, params: Params) -> Network:
        return Network(params, self.optimizer.init(params))


def build_model(config: Config, total_steps: int) -> Model:
    """Makes the task, the networks and the optimizer that a configuration describes.

    Args:
        config: a valid one, see `config.validate`.
        total_steps: steps in the whole run, which the learning rate's decay is spread over.

    Returns:
        The model, its networks sharing batch statistics over the axis `AXIS` if `sync_batch_norm`.
    """
    dtype = jnp.dtype(config.dtype)
    axis_name = AXIS if config.sync_batch_norm else None
    adam = config.adam
    half = total_steps // 2
    decay = optax.schedules.linear_schedule(adam.learning_rate, 0.0, total_steps - half, transition_begin=half)
    learning_rate = decay if adam.linear_decay else adam.learning_rate
    return Model(
        task=config.task,
        generator=Generator(config.task.generator_channels, dtype, axis_name),
        discriminator=Discriminator(dtype, axis_name),
        optimizer=optax.adam(learning_rate, b1=adam.b1, b2=adam.b2, eps=adam.eps),
        ema_decay=config.ema_decay,
        saturation=config.saturation,
    )
