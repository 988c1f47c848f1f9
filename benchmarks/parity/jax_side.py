"""The JAX side of the comparison; it needs no PyTorch.

The other side comes from `pytorch_side.run_pytorch`, or from the golden values that `make_golden` has stored.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.parity import recipe
from benchmarks.parity.run import Run, Tensors
from pix2pix_jax import color, step
from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, Params
from pix2pix_jax.networks import pytorch as convert
from pix2pix_jax.state import Model, Network, TrainState, build_model
from pix2pix_jax.tasks import ColorizationTask, photo_from_rgb


def make_model(experiment: str) -> Model:
    """The model of an experiment, for a single device."""
    config = updated(experiment_config(experiment), {"sync_batch_norm": False})
    return build_model(config, total_steps=recipe.STEPS)


def initial_state(model: Model, seed: int) -> TrainState:
    """A state with the recipe's weights and fresh optimizers."""
    empty = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    shapes = _shapes(convert.generator_to_torch(GeneratorConfig(), empty.generator.params, empty.averages))
    values = recipe.state_dict_values(shapes, "generator", seed)
    *_, params, averages = convert.generator_from_torch(values)
    discriminator = None
    if empty.discriminator is not None:
        shapes = _shapes(convert.discriminator_to_torch(DiscriminatorConfig(), empty.discriminator.params))
        values = recipe.state_dict_values(shapes, "discriminator", seed)
        judge = convert.discriminator_from_torch(values).params
        discriminator = Network(judge, model.discriminator_optimizer.init(judge))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        generator=Network(params, model.generator_optimizer.init(params)),
        averages=averages,
        discriminator=discriminator,
    )


@cache
def run_jax(experiment: str) -> Run:
    """Runs an experiment with the JAX program on one device."""
    model = make_model(experiment)

    @jax.jit  # one compilation for both
    def observe(state: TrainState, images: jax.Array) -> tuple:
        return _outputs(model, state, images), step.train_step(model, state, images)

    outputs, (state, metrics) = observe(initial_state(model, recipe.SEED), recipe.photographs(0, recipe.SEED))
    gradient = _first_gradient(state.generator)
    named = _named("generator", convert.generator_to_torch(GeneratorConfig(), gradient, state.averages))
    averages = {name: value for name, value in named.items() if ".running_" in name}
    if state.discriminator is not None:
        gradient = _first_gradient(state.discriminator)
        named |= _named("discriminator", convert.discriminator_to_torch(DiscriminatorConfig(), gradient))
    losses = [metrics]
    for index in range(1, recipe.STEPS + 1):
        _, (state, metrics) = observe(state, recipe.photographs(index, recipe.SEED))
        losses.append(metrics)
    return Run(
        outputs={name: np.asarray(output) for name, output in outputs.items()},
        gradients={name: value for name, value in named.items() if name.endswith(("weight", "bias"))},
        averages=averages,
        losses={name: np.array([terms[name] for terms in losses]) for name in losses[0]},
    )


def _first_gradient(network: Network) -> Params:
    """The gradient of a network's first step, exactly: Adam's first moment is then 1 - b1 = 1/2 of it."""
    return jax.tree.map(lambda moment: 2.0 * moment, optax.tree.get(network.opt_state, "mu"))


def _outputs(model: Model, state: TrainState, images: jax.Array) -> dict[str, jax.Array]:
    truth = photo_from_rgb(color.from_pixels(images))
    variables = {"params": state.generator.params, "batch_stats": state.averages}
    made: Any = model.generator.apply(variables, truth.luma, train=True, mutable=["batch_stats"])[0]
    colored: Any = model.generator.apply(variables, truth.luma)
    real_logits: Any = jnp.zeros((0,))
    fake_logits: Any = real_logits
    if state.discriminator is not None:
        judge = {"params": state.discriminator.params}
        task = cast(ColorizationTask, model.config.task)
        fake = task.image(truth.luma, made)
        real_logits = model.discriminator.apply(judge, task.judged(truth, truth.luma))
        fake_logits = model.discriminator.apply(judge, task.judged(fake, truth.luma))
    return {"made": made, "colored": colored, "real_logits": real_logits, "fake_logits": fake_logits}


def _shapes(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _named(network: str, tensors: Mapping[str, np.ndarray]) -> Tensors:
    return {f"{network}.{name}": tensor for name, tensor in tensors.items()}
