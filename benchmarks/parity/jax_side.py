"""The JAX side of the comparison; it needs no PyTorch.

The other side comes from `pytorch_side`, or from the golden values that `make_golden` has stored.
"""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from benchmarks.parity import recipe
from benchmarks.parity.cases import NETWORKS, TRAININGS, NetworkConfig
from benchmarks.parity.run import Run, Values
from pix2pix_jax import step
from pix2pix_jax.config import Config
from pix2pix_jax.networks import GeneratorConfig, make_discriminator, make_generator, pytorch
from pix2pix_jax.state import Model, Network, TrainState, build_model
from pix2pix_jax.tasks import TranslationTask

_SIDE = 256  # of images that every network takes


@cache
def compiler_options() -> dict[str, bool]:
    """What makes compilation, most of these programs' time on a CPU, faster; the mathematics is the same.

    JAX 0.12 has no longer such an option.
    """
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def network_variables(module: Any, config: NetworkConfig, in_channels: int, seed: int) -> dict[str, Any]:
    """The recipe's parameters and running averages (which may be empty) for a module.

    Args:
        module: the network.
        config: what the package is asked for to make it.
        in_channels: channels of what it is given.
        seed: each seed gives other values.
    """
    image = jax.ShapeDtypeStruct((1, _SIDE, _SIDE, in_channels), jnp.float32)
    empty: dict[str, Any] = {"batch_stats": {}, **jax.eval_shape(module.init, jax.random.key(0), image)}
    variables = {}
    for collection, tree in empty.items():
        leaves: dict[str, Any] = flatten_dict(tree, sep="/")
        shapes = {name: leaf.shape for name, leaf in leaves.items()}
        variables[collection] = unflatten_dict(recipe.network_values(shapes, config, seed), sep="/")
    return variables


@cache
def jax_outputs(name: str) -> Values:
    """What a network in `NETWORKS` makes of the first batch, `[B, height, width, channels]`.

    "training" is with the batch's statistics, "evaluating" with running averages (of a discriminator the same).
    """
    config, side = NETWORKS[name]
    condition, image = (
        images.astype(np.float32) / np.float32(127.5) - np.float32(1.0) for images in recipe.pair(0, side, recipe.SEED)
    )
    if isinstance(config, GeneratorConfig):
        module: Any = make_generator(config, 3)
        modes = [True, False] if config.norm == "batch" else [True]  # other norms know no difference

        def outputs(variables: Any, x: jax.Array) -> list[jax.Array]:
            return [module.apply(variables, x, train=train) for train in modes]

        given = condition
    else:
        module = make_discriminator(config)

        def outputs(variables: Any, x: jax.Array) -> list[jax.Array]:
            return [module.apply(variables, x)]

        given = np.concatenate([condition, image], -1)
    variables = network_variables(module, config, given.shape[-1], recipe.SEED)
    made = jax.jit(outputs, compiler_options=compiler_options())(variables, given)
    return {"training": np.asarray(made[0]), "evaluating": np.asarray(made[-1])}


def seen_channels(config: Config) -> int:
    """How many channels the discriminator of a config sees."""
    task: Any = config.task
    batch = jax.ShapeDtypeStruct((1, 32, 32, task.batch_channels), jnp.uint8)
    return jax.eval_shape(lambda batch: task.discriminator_input(*reversed(task.example(batch))), batch).shape[-1]


def initial_state(model: Model, seed: int) -> TrainState:
    """A state with the recipe's weights and fresh optimizers."""
    config = model.config
    generator = network_variables(model.generator, config.generator, config.task.condition_channels, seed)
    discriminator = None
    if config.task.adversarial:
        variables = network_variables(model.discriminator, config.discriminator, seen_channels(config), seed)
        discriminator = Network(variables["params"], model.discriminator_optimizer.init(variables["params"]))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        generator=Network(generator["params"], model.generator_optimizer.init(generator["params"])),
        averages=generator["batch_stats"],
        discriminator=discriminator,
    )


def penalty_shares() -> np.ndarray:
    """The shares of the real images in the gradient penalty's mixtures, `[steps, batch]`: the draws of the step."""
    drawn = [step.keys(Config().seed, index).penalty for index in range(recipe.STEPS + 1)]
    return np.stack([jax.random.uniform(key, (recipe.BATCH_SIZE,)) for key in drawn])


def batch_of(config: Config, index: int) -> np.ndarray:
    """The recipe's batch of a training's step, as its loader would give it."""
    if isinstance(config.task, TranslationTask):
        return np.concatenate(recipe.pair(index, config.image_size, recipe.SEED), -1)
    return recipe.photographs(index, recipe.SEED)


@cache
def run_jax(name: str) -> Run:
    """Runs a training in `TRAININGS` with the JAX program on one device."""
    config = TRAININGS[name]
    model = build_model(config, total_steps=recipe.STEPS)

    def observe(state: TrainState, images: jax.Array) -> tuple:
        return _outputs(model, state, images), step.train_step(model, state, images)

    observed = jax.jit(observe, compiler_options=compiler_options())  # one compilation for both
    state = initial_state(model, recipe.SEED)
    losses, first = [], {}
    for index in range(recipe.STEPS + 1):
        outputs, (state, metrics) = observed(state, batch_of(config, index))
        losses.append(metrics)
        if index == 0:
            outputs = {name: np.asarray(output) for name, output in outputs.items()}
            tensors = pytorch.generator_to_torch(config.generator, state.generator.params, state.averages)
            averages = {name: tensor for name, tensor in tensors.items() if "running_" in name}
            first = {"outputs": outputs, "gradients": _first_gradients(state, config), "averages": averages}
    return Run(**first, losses={term: np.array([terms[term] for terms in losses]) for term in losses[0]})


def _outputs(model: Model, state: TrainState, images: jax.Array) -> dict[str, jax.Array]:
    task: Any = model.config.task
    if isinstance(task, TranslationTask):
        return {}  # those of its networks are compared by themselves
    luma, truth = task.example(images)
    variables = {"params": state.generator.params, "batch_stats": state.averages}
    made: Any = model.generator.apply(variables, luma, train=True, mutable=["batch_stats"])[0]
    outputs: dict[str, Any] = {"made": made, "colored": model.generator.apply(variables, luma)}
    if state.discriminator is not None:
        discriminator = {"params": state.discriminator.params}
        for which, photo in (("real", truth), ("fake", task.image(luma, made))):
            outputs[f"{which}_logits"] = model.discriminator.apply(discriminator, task.discriminator_input(photo, luma))
    return outputs


def _first_gradients(state: TrainState, config: Config) -> Values:
    """The gradients of the first step, exactly: Adam's first moment is then 1 - b1 = 1/2 of them."""
    moments = optax.tree.get(state.generator.opt_state, "mu")
    found = {
        f"generator.{name}": moment
        for name, moment in pytorch.generator_to_torch(config.generator, moments, {}).items()
    }
    if state.discriminator is not None:
        moments = optax.tree.get(state.discriminator.opt_state, "mu")
        tensors = pytorch.discriminator_to_torch(config.discriminator, moments)
        found |= {f"discriminator.{name}": moment for name, moment in tensors.items()}
    return {name: 2.0 * moment for name, moment in found.items() if name.endswith((".weight", ".bias"))}
