"""What is compared between the two programs, and the JAX one's side of it.

Needs no PyTorch: its side comes from `make_golden.run_pytorch`, or from the golden values which that left behind.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import recipe
from pix2pix_jax import color, config, convert, step
from pix2pix_jax.state import Model, Network, Params, TrainState
from pix2pix_jax.task import photo_from_rgb

Tensors = dict[str, np.ndarray]
"""By network and PyTorch's name, as in `generator.enc1.conv.weight`; kernels OIHW."""

_KEPT = 16


class Run(NamedTuple):
    """An experiment's first steps from the recipe's weights.

    Attributes:
        made: what G makes of the first batch in training mode, `[B, H, W, 2 or 3]`.
        colored: the same by G's running averages instead.
        real_logits: what D says of the photographs of the first batch, `[B, H/32, W/32, 1]`; empty without a D.
        fake_logits: what D says of those that G made; empty without a D.
        gradients: of each network's loss on the first batch.
        averages: G's running averages after the first step.
        losses: every term by name; one value for each of steps 0 to 10, each taken before the step's update.
    """

    made: np.ndarray
    colored: np.ndarray
    real_logits: np.ndarray
    fake_logits: np.ndarray
    gradients: Tensors
    averages: Tensors
    losses: dict[str, np.ndarray]


def build_model(experiment: str) -> Model:
    """The model of one of the configs, for a single device."""
    values = importlib.import_module(f"configs.{experiment}").get_config()
    values.sync_batch_norm = False
    return config.build_model(values, total_steps=recipe.STEPS)


def initial_state(model: Model, seed: int) -> TrainState:
    """A state with the recipe's weights and fresh optimizers."""
    empty = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    shapes = _shapes(convert.generator_to_torch(empty.generator.params, empty.averages))
    values = recipe.state_dict_values(shapes, "generator", seed)
    params, averages = convert.generator_from_torch(values)
    discriminator = None
    if empty.discriminator is not None:
        shapes = _shapes(convert.discriminator_to_torch(empty.discriminator.params))
        values = recipe.state_dict_values(shapes, "discriminator", seed)
        judge = convert.discriminator_from_torch(values)
        discriminator = Network(judge, model.optimizer.init(judge))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        generator=Network(params, model.optimizer.init(params)),
        averages=averages,
        discriminator=discriminator,
    )


@cache
def run_jax(experiment: str) -> Run:
    """Runs an experiment with the JAX program on one device."""
    model = build_model(experiment)

    @jax.jit  # one compilation, in which what these share is computed once
    def observe(state: TrainState, images: jax.Array) -> tuple:
        return _outputs(model, state, images), step.train_step(model, state, images)

    outputs, (state, metrics) = observe(initial_state(model, recipe.SEED), recipe.photographs(0, recipe.SEED))
    gradient = _first_gradient(state.generator)
    named = _named("generator", convert.generator_to_torch(gradient, state.averages))
    averages = {name: value for name, value in named.items() if ".running_" in name}
    if state.discriminator is not None:
        gradient = _first_gradient(state.discriminator)
        named |= _named("discriminator", convert.discriminator_to_torch(gradient))
    losses = [metrics]
    for index in range(1, recipe.STEPS + 1):
        _, (state, metrics) = observe(state, recipe.photographs(index, recipe.SEED))
        losses.append(metrics)
    return Run(
        **{name: np.asarray(output) for name, output in outputs.items()},
        gradients={name: value for name, value in named.items() if name.endswith(("weight", "bias"))},
        averages=averages,
        losses={name: np.array([terms[name] for terms in losses]) for name in losses[0]},
    )


def gradient_scales(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The size that an error in each gradient is held against: the gradient's own norm.

    A bias in front of a batch norm has no effect, hence a gradient that is zero up to rounding, which is held
    against the norm of its kernel's.
    """
    scales = {name: float(np.linalg.norm(value)) for name, value in gradients.items()}
    for name in gradients:
        if name.endswith("conv.bias") and name.replace("conv.bias", "norm.bias") in gradients:
            scales[name] = scales[name.replace("bias", "weight")]
    return scales


def golden_values(run: Run) -> Tensors:
    """What is kept of a run: all that is small, and of the rest a part.

    Returns:
        `made` and `colored`: every fourth row and column of both; `real_logits` and `fake_logits`;
        `gradient.NAME`: the scale of its error (see `gradient_scales`), then `_KEPT` evenly spaced elements, or all
        if there are fewer; `average.NAME`; `loss.NAME`.
    """
    scales = gradient_scales(run.gradients)
    return {
        "made": run.made[:, ::4, ::4],
        "colored": run.colored[:, ::4, ::4],
        "real_logits": run.real_logits,
        "fake_logits": run.fake_logits,
        **{
            f"gradient.{name}": np.append(np.float32(scales[name]), _spaced(value))
            for name, value in run.gradients.items()
        },
        **{f"average.{name}": value for name, value in run.averages.items()},
        **{f"loss.{name}": values for name, values in run.losses.items()},
    }


def _first_gradient(network: Network) -> Params:
    """The gradient that a network's first step took, exactly: Adam's first moment starts as 1 - b1 = 1/2 of it."""
    return jax.tree.map(lambda moment: 2.0 * moment, optax.tree.get(network.opt_state, "mu"))


def _outputs(model: Model, state: TrainState, images: jax.Array) -> dict[str, jax.Array]:
    truth = photo_from_rgb(color.from_uint8(images))
    variables = {"params": state.generator.params, "batch_stats": state.averages}
    made: Any = model.generator.apply(variables, truth.luma, train=True, mutable=["batch_stats"])[0]
    colored: Any = model.generator.apply(variables, truth.luma)
    real_logits: Any = jnp.zeros((0,))
    fake_logits: Any = real_logits
    if state.discriminator is not None:
        judge = {"params": state.discriminator.params}
        fake = model.task.photo(truth.luma, made)
        real_logits = model.discriminator.apply(judge, model.task.judged(truth, truth.luma))
        fake_logits = model.discriminator.apply(judge, model.task.judged(fake, truth.luma))
    return {"made": made, "colored": colored, "real_logits": real_logits, "fake_logits": fake_logits}


def _shapes(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _named(network: str, tensors: Mapping[str, np.ndarray]) -> Tensors:
    return {f"{network}.{name}": tensor for name, tensor in tensors.items()}


def _spaced(tensor: np.ndarray) -> np.ndarray:
    """`_KEPT` evenly spaced elements."""
    return tensor.ravel()[:: max(tensor.size // _KEPT, 1)][:_KEPT]
