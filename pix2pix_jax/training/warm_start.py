"""What a run may begin with in place of random weights: a trained generator, or a trained encoder."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import pth_files
from pix2pix_jax.inference.trained import load_trained
from pix2pix_jax.networks import Params
from pix2pix_jax.networks.efficientnet import weights as encoder_weights
from pix2pix_jax.state import TrainState, Weights
from pix2pix_jax.tasks import ColorizationTask, LabColorizationTask

# The last layer before tanh, by network.
_LAST = {"efficientnet": "last", "reference": "dec4"}

# What the shapes of a generator's parameters follow from.
_SHAPING = ("network", "depth", "blocks", "width", "variant", "norm", "upsampling")

Beginning = Callable[[TrainState], TrainState]
"""Puts trained weights in the place of the generator's, in a state at step 0."""


def load_beginning(config: Config) -> Beginning | None:
    """Reads what a run is to begin with, `warm_start` or its generator's `encoder_weights`; None for random weights.

    Raises:
        UserError: if it cannot be read, or is of another network than the config's generator, or makes something else.
    """
    if config.warm_start:
        return _from_generator(config)
    generator = config.generator
    if generator.network == "efficientnet" and generator.encoder_weights != "random":
        return _from_encoder(config)
    return None


def _from_generator(config: Config) -> Beginning:
    trained = load_trained(config.warm_start)
    pairs = {
        "makes": (_made_by(trained.config), _made_by(config)),
        "is given": tuple(f"{_channels(one)} channels" for one in (trained.config, config)),
    } | {f"has {key}": (getattr(trained.config.generator, key), getattr(config.generator, key)) for key in _SHAPING}
    for what, (given, wanted) in pairs.items():
        if given != wanted:
            raise UserError(
                f"config.warm_start={config.warm_start} is of another architecture: its generator {what} {given}, and"
                f" this config's {what} {wanted}"
            )
    weights, last = trained.weights, _LAST.get(config.generator.network)
    factor = trained.config.saturation / config.saturation
    if last and factor != 1.0 and _made_by(config) == "chroma" and config.task.condition_channels == 1:
        # Colours that are as strong as its own, and that the losses see so: chroma is small, and tanh nearly straight.
        stronger = jax.tree.map(lambda leaf: factor * leaf, weights.params[last])
        weights = Weights({**weights.params, last: stronger}, weights.averages)
    return lambda state: _with_weights(state, _with_guide(weights, state))


def _channels(config: Config) -> int:
    """How many channels the generator is given, where that shapes it: this network has a guide for points."""
    return 1 if config.generator.network == "efficientnet" else config.task.condition_channels


def _with_guide(given: Weights, state: TrainState) -> Weights:
    """The weights with a guide where the state has one; it begins as the way up where there is none to begin with."""

    def complete(params: Params, fresh: Params) -> Params:
        others = {name: value for name, value in params.items() if name != "guide"}
        if "guide" not in fresh:
            return others
        return {**others, "guide": params.get("guide") or {n: params.get(n, v) for n, v in fresh["guide"].items()}}

    return Weights(
        complete(given.params, state.generator.params),
        complete(given.averages, state.averages),
    )


def _from_encoder(config: Config) -> Beginning:
    variant, given = config.generator.variant, config.generator.encoder_weights
    file = (
        encoder_weights.find_weights(variant)
        if given == "imagenet"
        else typed_path(given, "config.generator.encoder_weights")
    )
    try:
        encoder = encoder_weights.encoder_from_pytorch(pth_files.read(file), variant)
    except UserError as error:
        raise UserError(f"config.generator.encoder_weights={given}: {error}") from error

    def begin(state: TrainState) -> TrainState:
        shapes = [jax.tree.map(jnp.shape, params) for params in (state.generator.params["encoder"], encoder)]
        if shapes[0] != shapes[1]:
            raise UserError(f"config.generator.encoder_weights={given} is not of EfficientNet-{variant}")
        return _with_weights(state, Weights({**state.generator.params, "encoder": encoder}, state.averages))

    return begin


def _with_weights(state: TrainState, weights: Weights) -> TrainState:
    weights = jax.tree.map(jnp.asarray, weights)
    return state.replace(
        generator=state.generator.replace(params=weights.params),
        averages=weights.averages,
        ema=state.ema and weights,
    )


def _made_by(config: Config) -> str:
    task = config.task
    if isinstance(task, ColorizationTask):
        return task.generator_makes
    return "a and b of Lab" if isinstance(task, LabColorizationTask) else f"{task.output_channels} channels"
