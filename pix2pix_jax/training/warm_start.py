"""What a run may begin with in place of random weights: a trained generator, or trained encoders."""

from collections.abc import Callable
from functools import partial
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
_LAST = {"efficientnet": "last", "reference": "dec4", "unet": "up1", "resnet": "last"}

# What the shapes of a generator's parameters follow from.
_SHAPING = ("network", "depth", "blocks", "width", "variant", "norm", "upsampling")

Beginning = Callable[[TrainState], TrainState]
"""Puts trained weights in the place of random ones, in a state at step 0."""


def load_beginning(config: Config) -> Beginning | None:
    """Reads what a run is to begin with, `warm_start` or the networks' `encoder_weights`; None for random weights.

    Raises:
        UserError: if it cannot be read, or is of another network than the config's, or makes something else.
    """
    generator, discriminator = config.generator, config.discriminator
    weights = encoder = frozen = None
    if config.warm_start:
        weights = _trained_weights(config)
    elif generator.network == "efficientnet" and generator.encoder_weights != "random":
        encoder = _encoder(config, "generator")
    if config.task.adversarial and discriminator.network == "projected" and discriminator.encoder_weights != "random":
        frozen = _encoder(config, "discriminator")
    return partial(_begin, weights, encoder, frozen) if weights or encoder or frozen else None


def _begin(weights: Weights | None, encoder: Params | None, frozen: Params | None, state: TrainState) -> TrainState:
    """Puts in a state what there is of a whole generator, a generator's encoder, and the discriminator's frozen one."""
    if encoder is not None:
        weights = Weights(state.generator.params | {"encoder": encoder}, state.averages)
    if weights is not None:
        begun: Weights = jax.tree.map(jnp.asarray, _with_guide(weights, state))
        state = state.replace(
            generator=state.generator.replace(params=begun.params), averages=begun.averages, ema=state.ema and begun
        )
    if frozen is not None and state.discriminator is not None:
        params = state.discriminator.params
        params = params | {"frozen": params["frozen"] | {"encoder": jax.tree.map(jnp.asarray, frozen)}}
        state = state.replace(discriminator=state.discriminator.replace(params=params))
    return state


def _trained_weights(config: Config) -> Weights:
    """Those of `warm_start`; raises UserError unless its generator and the config's are of one architecture."""
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
    weights, last = trained.weights, _LAST[config.generator.network]
    factor = trained.config.saturation / config.saturation
    if factor != 1.0 and _made_by(config) == "chroma" and config.task.condition_channels == 1:
        # Colours that are as strong as its own, and that the losses see so: chroma is small, and tanh nearly straight.
        stronger = jax.tree.map(lambda leaf: factor * leaf, weights.params[last])
        weights = Weights({**weights.params, last: stronger}, weights.averages)
    return weights


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

    return Weights(complete(given.params, state.generator.params), complete(given.averages, state.averages))


def _encoder(config: Config, network: Literal["generator", "discriminator"]) -> Params:
    """Reads a network's `encoder_weights`."""
    chosen = getattr(config, network)
    key, file = f"config.{network}.encoder_weights", None
    if chosen.encoder_weights != "imagenet":
        file = typed_path(chosen.encoder_weights, key)
    try:
        return pth_files.read_encoder(chosen.variant, file)
    except UserError as error:
        raise UserError(f"{key}={chosen.encoder_weights}: {error}") from error


def _made_by(config: Config) -> str:
    task = config.task
    if isinstance(task, ColorizationTask):
        return task.generator_makes
    return "a and b of Lab" if isinstance(task, LabColorizationTask) else f"{task.output_channels} channels"
