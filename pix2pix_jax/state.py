"""The state of a training run as one pytree, and what it takes to make one."""

import dataclasses
import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from flax import struct

from pix2pix_jax.config import Config
from pix2pix_jax.networks import Discriminator, Generator, Params, make_discriminator, make_generator

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
    """What it takes to make images with a generator.

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
    def trained(self) -> Weights:
        """What makes images: the moving average where one is kept, the generator as it is where not."""
        return self.ema or Weights(self.generator.params, self.averages)


@dataclasses.dataclass(frozen=True)
class Model:
    """What training does not change.

    Attributes:
        config: the run's.
        generator: the generator module.
        discriminator: the discriminator module, unused where the task has none.
        generator_optimizer: the gradient transformation of the generator.
        discriminator_optimizer: the same of the discriminator.
    """

    config: Config
    generator: Generator
    discriminator: Discriminator
    generator_optimizer: optax.GradientTransformation
    discriminator_optimizer: optax.GradientTransformation

    def init(self, key: jax.Array) -> TrainState:
        """Makes the state at step 0 from a PRNG key."""
        generator_key, discriminator_key = jax.random.split(key)
        # Convolutions have no size of their own; the smallest image that both networks take is the cheapest.
        size = max(self.generator.smallest_size, self.discriminator.smallest_size)
        size = math.ceil(size / self.generator.size_multiple) * self.generator.size_multiple
        task = self.config.task
        condition = jnp.zeros((1, size, size, task.condition_channels))
        variables = self.generator.init(generator_key, condition)
        averages = variables.get("batch_stats", {})
        discriminator = None
        if task.adversarial:
            example = cast(Any, task).example(jnp.zeros((1, size, size, task.batch_channels), jnp.uint8))
            seen = self.discriminator_input(*reversed(example))
            params = self.discriminator.init(discriminator_key, seen)["params"]
            discriminator = Network(params, self.discriminator_optimizer.init(params))
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            generator=Network(variables["params"], self.generator_optimizer.init(variables["params"])),
            averages=averages,
            discriminator=discriminator,
            ema=Weights(variables["params"], averages) if self.config.ema_decay else None,
        )

    def discriminator_input(self, image: Any, condition: jax.Array) -> jax.Array:
        """What the discriminator sees: the task's `discriminator_input`, or its `pictures` where that is projected."""
        task = cast(Any, self.config.task)
        projected = self.config.discriminator.network == "projected"
        return (task.pictures if projected else task.discriminator_input)(image, condition)

    def init_compiled(self, key: jax.Array) -> TrainState:
        """As `init`, in one compilation; on a CPU without optimisation, which would take longer than it saves."""
        options = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
        return jax.jit(self.init, compiler_options=options)(key)


def build_generator(config: Config, axis_name: str | None = None) -> Generator:
    """Makes the generator module of a config; its batch statistics are shared over `axis_name`, if any."""
    return make_generator(config.generator, config.task.generator_channels, jnp.dtype(config.dtype), axis_name)


def build_model(config: Config, total_steps: int) -> Model:
    """Makes the networks and the optimizers that a configuration describes.

    Args:
        config: a valid one, see `config.validate`.
        total_steps: steps in the whole run, which the learning rate's schedule is spread over.

    Returns:
        The model, its networks sharing batch statistics over the axis `AXIS` if `sync_batch_norm`.
    """
    axis_name = AXIS if config.sync_batch_norm else None
    return Model(
        config,
        build_generator(config, axis_name),
        make_discriminator(config.discriminator, jnp.dtype(config.dtype), axis_name),
        _generator_optimizer(config, total_steps),
        _discriminator_optimizer(config, total_steps),
    )


def _generator_optimizer(config: Config, total_steps: int) -> optax.GradientTransformation:
    """Adam, with a learning rate of its own for an encoder that has been trained before."""
    adam, share = config.adam, config.generator.encoder_rate
    whole = _adam(config, adam.learning_rate, adam.b1, adam.b2, total_steps)
    if config.generator.network != "efficientnet":
        return whole
    encoder = _adam(config, share * adam.learning_rate, adam.b1, adam.b2, total_steps) if share else optax.set_to_zero()
    return _but_for("encoder", encoder, whole)


def _discriminator_optimizer(config: Config, total_steps: int) -> optax.GradientTransformation:
    """Adam; what is frozen has no state in it."""
    adam = config.adam
    b1 = adam.b1 if adam.discriminator_b1 == 1.0 else adam.discriminator_b1
    b2 = adam.b2 if adam.discriminator_b2 == 1.0 else adam.discriminator_b2
    whole = _adam(config, adam.discriminator_learning_rate or adam.learning_rate, b1, b2, total_steps)
    return _but_for("frozen", optax.set_to_zero(), whole) if config.discriminator.network == "projected" else whole


def _but_for(
    name: str, optimizer: optax.GradientTransformation, others: optax.GradientTransformation
) -> optax.GradientTransformation:
    """An optimizer for the parameters of one name, and one for the others."""
    return optax.multi_transform(
        {name: optimizer, "others": others}, lambda params: {key: name if key == name else "others" for key in params}
    )


def _adam(config: Config, learning_rate: float, b1: float, b2: float, total_steps: int) -> optax.GradientTransformation:
    schedule = _schedule(config, learning_rate, total_steps)
    return optax.adam(schedule or learning_rate, b1=b1, b2=b2, eps=config.adam.eps)


def learning_rate(config: Config, total_steps: int, step: int) -> float:
    """The generator's learning rate after `step` of so many steps."""
    schedule = _schedule(config, config.adam.learning_rate, total_steps)
    return float(jnp.asarray(schedule(step))) if schedule else config.adam.learning_rate


def _schedule(config: Config, learning_rate: float, total_steps: int) -> optax.Schedule | None:
    """The learning rate by the steps taken; None where it is constant."""
    adam = config.adam
    start = adam.schedule_start
    length = max((adam.schedule_end or total_steps) - start, 1)
    whole = (start, length) == (0, total_steps)
    if adam.schedule == "constant":
        return None
    if adam.schedule == "cosine":
        schedule = optax.schedules.cosine_decay_schedule(learning_rate, length)
    else:  # of a part of a run, as of one that is counted in steps, a step takes the place of an epoch
        by_epochs = whole and not config.num_steps
        schedule = linear_schedule(learning_rate, length, config.num_epochs if by_epochs else 0)
    if whole:
        return schedule
    return lambda step: schedule(jnp.clip(jnp.asarray(step) - start, 0, length - 1))


def linear_schedule(learning_rate: float, total_steps: int, num_epochs: int = 0) -> optax.Schedule:
    """Constant for half of the epochs, then linear: the schedule of the authors' PyTorch code; the paper has none.

    There the factor in epoch e of 2n, counted from 0, is 1 - max(0, e + 1 - n) / (n + 1): the last epoch still has
    1 / (n + 1). With `num_epochs` 0 the rate falls from step to step.
    """
    epochs = num_epochs or total_steps
    level = epochs // 2

    def schedule(step: jax.typing.ArrayLike) -> jax.Array:
        epoch = jnp.floor(jnp.asarray(step, jnp.float32) * (epochs / total_steps))
        return learning_rate * (1.0 - jnp.maximum(0, epoch + 1 - level) / (epochs - level + 1))

    return schedule
