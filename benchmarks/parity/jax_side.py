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

from benchmarks.parity import paper_recipe, recipe
from benchmarks.parity.cases import NETWORKS, TRAININGS, NetworkConfig
from benchmarks.parity.run import Run, Values
from pix2pix_jax import color, step
from pix2pix_jax.config import Config
from pix2pix_jax.networks import GeneratorConfig, make_discriminator, make_generator, pytorch
from pix2pix_jax.state import Model, Network, TrainState, build_model
from pix2pix_jax.tasks import TranslationTask, photo_from_rgb

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
    if config.network == "reference":
        return _reference_variables(config, jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), empty), seed)
    variables = {}
    for collection, tree in empty.items():
        leaves: dict[str, Any] = flatten_dict(tree, sep="/")
        shapes = {name: leaf.shape for name, leaf in leaves.items()}
        variables[collection] = unflatten_dict(paper_recipe.network_values(shapes, config, seed), sep="/")
    return variables


def _reference_variables(config: NetworkConfig, zeros: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same for the reference's networks, whose recipe follows from PyTorch's names."""
    if isinstance(config, GeneratorConfig):
        arrays = pytorch.generator_to_torch(config, zeros["params"], zeros["batch_stats"])
        shapes = {name: array.shape for name, array in arrays.items()}
        found = pytorch.generator_from_torch(recipe.state_dict_values(shapes, "generator", seed))
        return {"params": found.params, "batch_stats": found.averages}
    arrays = pytorch.discriminator_to_torch(config, zeros["params"])
    shapes = {name: array.shape for name, array in arrays.items()}
    values = recipe.state_dict_values(shapes, "discriminator", seed)
    return {"params": pytorch.discriminator_from_torch(values).params}


@cache
def jax_outputs(name: str) -> Values:
    """What a network in `NETWORKS` makes of the first batch, `[B, height, width, channels]`.

    "training" is with the batch's statistics, "evaluating" with running averages (of a discriminator the same).
    """
    config, side = NETWORKS[name]
    condition, image = (
        images.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
        for images in paper_recipe.pair(0, side, recipe.SEED)
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


def initial_state(model: Model, seed: int) -> TrainState:
    """A state with the recipe's weights and fresh optimizers."""
    config, task = model.config, model.config.task
    generator = network_variables(model.generator, config.generator, task.condition_channels, seed)
    discriminator = None
    if task.adversarial:
        judge = network_variables(model.discriminator, config.discriminator, task.discriminator_channels, seed)
        discriminator = Network(judge["params"], model.discriminator_optimizer.init(judge["params"]))
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
        outputs, (state, metrics) = observed(state, _batch(config, index))
        losses.append(metrics)
        if index == 0:
            gradients = _first_gradients("generator", state.generator)
            if state.discriminator is not None:
                gradients |= _first_gradients("discriminator", state.discriminator)
            first = {"outputs": _named(outputs), "gradients": gradients, "averages": _named(state.averages)}
    return Run(**first, losses={term: np.array([terms[term] for terms in losses]) for term in losses[0]})


def _batch(config: Config, index: int) -> np.ndarray:
    if isinstance(config.task, TranslationTask):
        return np.concatenate(paper_recipe.pair(index, config.image_size, recipe.SEED), -1)
    return recipe.photographs(index, recipe.SEED)


def _outputs(model: Model, state: TrainState, images: jax.Array) -> dict[str, jax.Array]:
    task = model.config.task
    if isinstance(task, TranslationTask):
        return {}  # those of its networks are compared by themselves
    truth = photo_from_rgb(color.from_pixels(images))
    variables = {"params": state.generator.params, "batch_stats": state.averages}
    made: Any = model.generator.apply(variables, truth.luma, train=True, mutable=["batch_stats"])[0]
    outputs: dict[str, Any] = {"made": made, "colored": model.generator.apply(variables, truth.luma)}
    if state.discriminator is not None:
        judge = {"params": state.discriminator.params}
        photos: dict[str, Any] = {"real": truth, "fake": task.image(truth.luma, made)}
        for which, photo in photos.items():
            outputs[f"{which}_logits"] = model.discriminator.apply(judge, task.judged(photo, truth.luma))
    return outputs


def _first_gradients(name: str, network: Network) -> Values:
    """The gradient of a network's first step, exactly: Adam's first moment is then 1 - b1 = 1/2 of it."""
    moments = _named(optax.tree.get(network.opt_state, "mu"))
    return {f"{name}.{key}": 2.0 * moment for key, moment in moments.items()}


def _named(tree: Any) -> Values:
    leaves: dict[str, Any] = flatten_dict(tree, sep="/")
    return {name: np.array(leaf) for name, leaf in leaves.items()}
