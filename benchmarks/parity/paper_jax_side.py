"""The JAX side of the comparison of the paper's networks; it needs no PyTorch.

The other side comes from `paper_pytorch_side`, or from the golden values that `make_golden` has stored.
"""

import dataclasses
from functools import cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from benchmarks.parity import paper_recipe, recipe
from benchmarks.parity.paper_cases import NETWORKS, STEPS, NetworkCase, StepCase
from benchmarks.parity.paper_recipe import Values
from benchmarks.parity.run import Run
from pix2pix_jax import step
from pix2pix_jax.config import AdamConfig, Config
from pix2pix_jax.losses import ObjectiveConfig
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, make_discriminator, make_generator
from pix2pix_jax.state import Model, Network, TrainState, build_model
from pix2pix_jax.tasks import TranslationTask


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


def generator_config(case: NetworkCase) -> GeneratorConfig:
    """What the package is asked for to make such a network, without dropout."""
    config = GeneratorConfig("resnet" if case.kind == "resnet" else "unet", width=case.width, norm=case.norm, dropout=0)
    return dataclasses.replace(config, **{"blocks" if case.kind == "resnet" else "depth": case.size})


def discriminator_config(case: NetworkCase) -> DiscriminatorConfig:
    """What the package is asked for to make such a network."""
    if case.kind == "pixel":
        return DiscriminatorConfig("pixel", width=case.width, norm=case.norm)
    return DiscriminatorConfig("patchgan", layers=case.size, width=case.width, norm=case.norm)


def network_variables(module: Any, case: NetworkCase, in_channels: int, seed: int) -> dict[str, Any]:
    """The recipe's parameters and running averages (which may be empty) for a module."""
    image = jax.ShapeDtypeStruct((1, case.side, case.side, in_channels), jnp.float32)
    empty = {"batch_stats": {}, **jax.eval_shape(module.init, jax.random.key(0), image)}
    variables = {}
    for collection, tree in empty.items():
        leaves: dict[str, Any] = flatten_dict(tree, sep="/")
        shapes = {name: leaf.shape for name, leaf in leaves.items()}
        variables[collection] = unflatten_dict(paper_recipe.network_values(shapes, case, seed), sep="/")
    return variables


@cache
def jax_outputs(name: str) -> Values:
    """What a network in `NETWORKS` makes of the first batch, `[B, height, width, channels]`.

    "training" is with the batch's statistics, "evaluating" with running averages (of a discriminator the same).
    """
    case = NETWORKS[name]
    condition, image = (_scaled(images) for images in paper_recipe.pair(0, case.side, recipe.SEED))
    if case.generates:
        module: Any = make_generator(generator_config(case), 3)
        variables = network_variables(module, case, 3, recipe.SEED)
        modes = [True, False] if case.norm == "batch" else [True]  # other norms know no difference

        def outputs(variables: Any, x: jax.Array) -> list[jax.Array]:
            return [module.apply(variables, x, train=train) for train in modes]

        made = jax.jit(outputs, compiler_options=compiler_options())(variables, condition)
        return {"training": np.asarray(made[0]), "evaluating": np.asarray(made[-1])}
    module = make_discriminator(discriminator_config(case))
    variables = network_variables(module, case, 6, recipe.SEED)
    judge = jax.jit(module.apply, compiler_options=compiler_options())
    logits = np.asarray(judge(variables, np.concatenate([condition, image], -1)))
    return {"training": logits, "evaluating": logits}


def make_model(case: StepCase) -> Model:
    """The model of a training, for a single device."""
    config = Config(
        image_size=case.generator.side,
        sync_batch_norm=False,
        task=TranslationTask(discriminator_sees_condition=case.conditional),
        generator=generator_config(case.generator),
        discriminator=discriminator_config(case.discriminator),
        objective=ObjectiveConfig(
            gan=case.objective,
            discriminator_factor=case.discriminator_factor,
            real_label=case.real_label,
            discriminator_first=case.discriminator_first,
        ),
        adam=AdamConfig(discriminator_learning_rate=case.discriminator_learning_rate),
    )
    return build_model(config, total_steps=recipe.STEPS)


def initial_state(model: Model, case: StepCase, seed: int) -> TrainState:
    """A state with the recipe's weights and fresh optimizers."""
    generator = network_variables(model.generator, case.generator, 3, seed)
    channels = model.config.task.discriminator_channels
    judge = network_variables(model.discriminator, case.discriminator, channels, seed)["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        generator=Network(generator["params"], model.generator_optimizer.init(generator["params"])),
        averages=generator["batch_stats"],
        discriminator=Network(judge, model.discriminator_optimizer.init(judge)),
    )


def penalty_shares() -> np.ndarray:
    """The shares of the real images in the gradient penalty's mixtures, `[steps, batch]`: the draws of the step."""
    drawn = [step.keys(Config().seed, index).penalty for index in range(recipe.STEPS + 1)]
    return np.stack([jax.random.uniform(key, (recipe.BATCH_SIZE,)) for key in drawn])


@cache
def run_jax(name: str) -> Run:
    """Runs a training in `STEPS` with the JAX program on one device."""
    case = STEPS[name]
    model = make_model(case)
    train_step = jax.jit(partial(step.train_step, model), compiler_options=compiler_options())
    state = initial_state(model, case, recipe.SEED)
    losses, gradients, averages = [], {}, {}
    for index in range(recipe.STEPS + 1):
        pair = paper_recipe.pair(index, case.generator.side, recipe.SEED)
        state, metrics = train_step(state, np.concatenate(pair, -1))
        losses.append({"g_gan" if term == "g_bce" else term: value for term, value in metrics.items()})
        if index == 0:
            gradients = _first_gradients("generator", state.generator)
            gradients |= _first_gradients("discriminator", cast(Network, state.discriminator))
            averages = _named(state.averages)
    return Run({}, gradients, averages, {term: np.array([terms[term] for terms in losses]) for term in losses[0]})


def _first_gradients(name: str, network: Network) -> Values:
    """The gradient of a network's first step, exactly: Adam's first moment is then 1 - b1 = 1/2 of it."""
    moments = _named(optax.tree.get(network.opt_state, "mu"))
    return {f"{name}.{key}": 2.0 * moment for key, moment in moments.items()}


def _named(tree: Any) -> Values:
    leaves: dict[str, Any] = flatten_dict(tree, sep="/")
    return {name: np.array(leaf) for name, leaf in leaves.items()}


def _scaled(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
