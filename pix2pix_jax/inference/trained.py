"""Trained generators: read from a run or a file, and written to a file.

A file is in the safetensors format, which holds arrays and text and nothing that runs: the generator's parameters and
running averages by name (`enc1/conv/kernel`), and the run's config as JSON under the metadata key `config`.
"""

import dataclasses
import json
import os
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pix2pix_jax.config import Config, default_config, leaves, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing
from pix2pix_jax.inference import generate
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model, TrainState, Weights, build_model

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "generator.safetensors"
"""The generator that comes with the package."""

_COLLECTIONS = ("params", "batch_stats")


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
    """A generator that can colour.

    Attributes:
        config: the config of the run that it comes from.
        params: its parameters, float32.
        averages: the running averages of its batch norms.
    """

    config: Config
    params: Params
    averages: Params

    @cached_property
    def model(self) -> Model:
        """The task and the networks."""
        return build_model(self.config, total_steps=1)

    @cached_property
    def _colorize(self) -> jax.stages.Wrapped:
        return jax.jit(partial(generate.colorize, self.model))

    def colorize(self, images: np.ndarray) -> np.ndarray:
        """Colours photographs of one size, of which only the luma is looked at.

        Args:
            images: uint8 RGB [count, height, width, 3]; height and width divisible by 16.

        Returns:
            RGB float32 [count, height, width, 3] in [0, 1].
        """
        return generate.colorize_in_batches(self._colorize, self.params, self.averages, images)

    @cached_property
    def _make_chroma(self) -> jax.stages.Wrapped:
        return jax.jit(partial(generate.make_chroma, self.model))

    def make_chroma(self, luma: np.ndarray) -> np.ndarray:
        """Makes the colour of one photograph, or of a part of one.

        Args:
            luma: uint8 [height, width], divisible by 16; compiled once for each size.

        Returns:
            Cr and Cb, float32 [height, width, 2] in [-0.5, 0.5]; not all of it within the gamut.
        """
        return np.asarray(self._make_chroma(self.params, self.averages, luma[None])[0])

    def with_saturation(self, factor: float) -> "TrainedGenerator":
        """The same generator, the chroma of what it makes multiplied by another factor than its config's."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, saturation=factor))

    def warm_started(self, state: TrainState) -> TrainState:
        """A state at step 0 as it is, but for the generator's weights, which are this one's."""
        weights = Weights(*jax.tree.map(jnp.asarray, (self.params, self.averages)))
        return state.replace(
            generator=state.generator.replace(params=weights.params),
            averages=weights.averages,
            ema=state.ema and weights,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the generator to a file: kernels as float16, which is enough to colour with, the rest as float32."""
        from safetensors.numpy import save

        flat = flatten_dict({"params": self.params, "batch_stats": self.averages}, sep="/")
        arrays = {
            name: np.asarray(leaf, np.float16 if name.endswith("kernel") else np.float32) for name, leaf in flat.items()
        }
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(save(arrays, {"config": json.dumps(dataclasses.asdict(self.config))}))


def load_trained(path: str | os.PathLike[str] | None = None) -> TrainedGenerator:
    """Reads a trained generator.

    Args:
        path: a run's folder, of which the newest checkpoint is taken; or a file that `TrainedGenerator.save` wrote;
            None for the one that comes with the package.

    Returns:
        The generator.

    Raises:
        UserError: if there is none at that place, or it cannot be read, or is of another architecture.
    """
    place = PRETRAINED if path is None else Path(path)
    if place.is_dir():
        return _from_run(place)
    if place.is_file():
        return _from_file(place)
    raise UserError(f"there is no run or file {place}: give a run's folder, or a .safetensors file of a generator")


def load_warm_start(config: Config) -> TrainedGenerator:
    """Reads the generator that a run is to begin with, `warm_start` in its config.

    Raises:
        UserError: as `load_trained`, or if it makes something else than the config's generator.
    """
    trained = load_trained(None if config.warm_start == "pretrained" else config.warm_start)
    makes, wanted = trained.config.task.generator_makes, config.task.generator_makes
    if makes != wanted:
        raise UserError(
            f"config.warm_start={config.warm_start} is of another architecture: its generator makes {makes}, and this"
            f" config's makes {wanted}"
        )
    return trained


def _from_run(folder: Path) -> TrainedGenerator:
    if not (folder / "config.json").is_file() or not (folder / "checkpoints").is_dir():
        raise UserError(f"{folder} is no run's folder: it has no config.json, or no checkpoints")
    # Orbax takes a quarter of a second to import, which nobody who colours with a file should wait for.
    from pix2pix_jax.runs.checkpoints import Checkpoints

    config = _read_config((folder / "config.json").read_text(), folder)
    model = build_model(config, total_steps=1)
    with Checkpoints(folder / "checkpoints", config.checkpoints_to_keep) as checkpoints:
        if not checkpoints.latest_step:
            raise UserError(f"{folder / 'checkpoints'} has no checkpoint yet: let the run go on to its first")
        state = checkpoints.restore(jax.eval_shape(model.init, jax.random.key(0)))
    trained = TrainedGenerator(config, state.colorizing.params, state.colorizing.averages)
    _check(trained, folder)
    return trained


def _from_file(file: Path) -> TrainedGenerator:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            arrays = {name: jnp.asarray(opened.get_tensor(name), jnp.float32) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} cannot be read as a safetensors file ({str(error).splitlines()[0]})") from error
    if "config" not in metadata:
        raise UserError(f"{file} holds no generator of this project: its metadata has no config")
    trees = unflatten_dict(arrays, sep="/")
    trained = TrainedGenerator(_read_config(metadata["config"], file), *(trees.get(name, {}) for name in _COLLECTIONS))
    _check(trained, file)
    return trained


def _read_config(text: str, place: Path) -> Config:
    """A config as it was stored, with today's defaults for keys that are younger than it."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"the config in {place} is no JSON ({error})") from error
    config, values = default_config(), leaves(values)
    for key in values:
        if key not in leaves(config):
            raise UserError(
                f"{place} was made with config.{key}, which is not known here: use the version that made it"
            )
    return updated(config, values)


def _check(trained: TrainedGenerator, place: Path) -> None:
    """Raises UserError unless names and shapes are those of the generator that the config describes."""
    init = jax.eval_shape(trained.model.init, jax.random.key(0))
    wanted = _shapes(init.generator.params, init.averages)
    given = _shapes(trained.params, trained.averages)
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            raise UserError(
                f"{place} is of another architecture: its {name} is {given.get(name, 'missing')}, the generator's is"
                f" {wanted.get(name, 'missing')}"
            )


def _shapes(params: Params, averages: Params) -> dict[str, list[int]]:
    flat: dict[str, Any] = flatten_dict({"params": params, "batch_stats": averages}, sep="/")
    return {name: list(leaf.shape) for name, leaf in flat.items()}
