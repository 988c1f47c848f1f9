"""What a run may begin with in place of random weights: a trained generator, or trained encoders."""

from collections.abc import Callable
from functools import reduce
from typing import Literal

import jax
import jax.numpy as jnp

from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import pth_files
from pix2pix_jax.inference.trained import load_trained
from pix2pix_jax.networks import Params
from pix2pix_jax.state import TrainState, Weights
from pix2pix_jax.tasks import ColorizationTask, LabColorizationTask

# The last layer before tanh, by network.
_LAST = {"efficientnet": "last", "reference": "dec4"}

# What the shapes of a generator's parameters follow from.
_SHAPING = ("network", "depth", "blocks", "width", "variant", "norm", "upsampling")

Beginning = Callable[[TrainState], TrainState]
"""Puts trained weights in the place of random ones, in a state at step 0."""


def load_beginning(config: Config) -> Beginning | None:
    """Reads what a run is to begin with, `warm_start` or the networks' `encoder_weights`; None for random weights.

    Raises:
        UserError: if it cannot be read, or is of another network than the config's, or makes something else.
    """
    begins: list[Beginning] = []
    generator, discriminator = config.generator, config.discriminator
    if config.warm_start:
        begins.append(_from_generator(config))
    elif generator.network == "efficientnet" and generator.encoder_weights != "random":
        begins.append(_from_encoder(config))
    if config.task.adversarial and discriminator.network == "projected" and discriminator.encoder_weights != "random":
        begins.append(_frozen_encoder(config))
    return (lambda state: reduce(lambda state, begin: begin(state), begins, state)) if begins else None


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
    put = _encoder_of(config, "generator")
    return lambda state: _with_weights(state, Weights(put(state.generator.params), state.averages))


def _frozen_encoder(config: Config) -> Beginning:
    put = _encoder_of(config, "discriminator")

    def begin(state: TrainState) -> TrainState:
        assert state.discriminator is not None
        params = state.discriminator.params
        params = {**params, "frozen": jax.tree.map(jnp.asarray, put(params["frozen"]))}
        return state.replace(discriminator=state.discriminator.replace(params=params))

    return begin


def _encoder_of(config: Config, network: Literal["generator", "discriminator"]) -> Callable[[Params], Params]:
    """Reads a network's `encoder_weights`; gives what puts them into parameters that have an encoder."""
    chosen = getattr(config, network)
    key, file = f"config.{network}.encoder_weights", None
    if chosen.encoder_weights != "imagenet":
        file = typed_path(chosen.encoder_weights, key)
    try:
        encoder = pth_files.read_encoder(chosen.variant, file)
    except UserError as error:
        raise UserError(f"{key}={chosen.encoder_weights}: {error}") from error

    def put(params: Params) -> Params:
        if jax.tree.map(jnp.shape, params["encoder"]) != jax.tree.map(jnp.shape, encoder):
            raise UserError(f"{key}={chosen.encoder_weights} is not of EfficientNet-{chosen.variant}")
        return {**params, "encoder": encoder}

    return put


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
