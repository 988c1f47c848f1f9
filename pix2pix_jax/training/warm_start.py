"""The trained generator that a run may begin with."""

import jax
import jax.numpy as jnp

from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained
from pix2pix_jax.state import TrainState
from pix2pix_jax.tasks import ColorizationTask, LabColorizationTask

# What the shapes of a generator's parameters follow from.
_SHAPING = ("network", "depth", "blocks", "width", "norm", "upsampling")


def load_warm_start(config: Config) -> TrainedGenerator:
    """Reads the generator that a run is to begin with, `warm_start` in its config.

    Raises:
        UserError: as `load_trained`, or if it is another network than the config's generator, or makes something else.
    """
    trained = load_trained(None if config.warm_start == "pretrained" else config.warm_start)
    pairs = {
        "makes": (_made_by(trained.config), _made_by(config)),
        "is given": tuple(f"{one.task.condition_channels} channels" for one in (trained.config, config)),
    } | {f"has {key}": (getattr(trained.config.generator, key), getattr(config.generator, key)) for key in _SHAPING}
    for what, (given, wanted) in pairs.items():
        if given != wanted:
            raise UserError(
                f"config.warm_start={config.warm_start} is of another architecture: its generator {what} {given}, and"
                f" this config's {what} {wanted}"
            )
    return trained


def warm_started(state: TrainState, trained: TrainedGenerator) -> TrainState:
    """A state at step 0 as it is, but for the generator's weights, which are the trained one's."""
    weights = jax.tree.map(jnp.asarray, trained.weights)
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
