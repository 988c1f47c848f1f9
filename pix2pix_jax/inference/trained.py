"""Trained generators: read from a run or a file, and written to a file.

Files of the pix2pix authors' PyTorch code (`latest_net_G.pth`) are read and written too.

A file is in the safetensors format, which holds arrays and text and nothing that runs: the generator's parameters and
running averages by name (`enc1/conv/kernel`), and the run's config as JSON under the metadata key `config`.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pix2pix_jax.config import Config, check_values, stored
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, typed_path
from pix2pix_jax.inference import generate, pth_files
from pix2pix_jax.networks import Params, pytorch
from pix2pix_jax.state import Model, TrainState, Weights, build_model

_PACKAGED = Path(__file__).parents[1] / "pretrained"
PRETRAINED = {name: _PACKAGED / f"{name}.safetensors" for name in ("pretrained", "reference")}
"""The generators that come with the package, by name: the one that is used unless another is asked for, and the
reference's U-Net."""

Step = int | Literal["best"] | None
"""Which checkpoint of a run: after so many steps, the best of those kept on the held-out images, or the newest."""

_COLLECTIONS = ("params", "batch_stats")
_DECIDING = ("eval/ciede2000", "eval/l1")  # figures by which a checkpoint is the best; lower is better


@dataclasses.dataclass(frozen=True)
class TrainedGenerator:
    """A generator that can colour, or translate.

    Attributes:
        config: the config of the run that it comes from.
        params: its parameters, float32.
        averages: the running averages of its batch norms.
    """

    config: Config
    params: Params
    averages: Params

    @property
    def model(self) -> Model:
        """The task and the networks."""
        return _model(self.config)

    @property
    def weights(self) -> Weights:
        """The parameters and the running averages."""
        return Weights(self.params, self.averages)

    def apply(
        self,
        images: np.ndarray,
        statistics: Literal["running", "batch"] = "running",
        dropout: bool = False,
        seed: int = 0,
    ) -> np.ndarray:
        """Runs the generator alone.

        Args:
            images: what it is given, float32 [N, H, W, channels] in [-1, 1]; H and W divisible by the network's
                `size_multiple`. Of a generator that colours, luma, or L of Lab.
            statistics: whether batch norms use the running averages or the statistics of these images.
            dropout: whether dropout is active.
            seed: what it then draws from.

        Returns:
            What the generator makes, float32 [N, H, W, channels] in [-1, 1].

        Raises:
            ValueError: if `images` is of another shape, or `statistics` something else.
        """
        if statistics not in ("running", "batch"):
            raise ValueError(f'expected statistics "running" or "batch", got {statistics!r}')
        if images.ndim != 4 or images.shape[-1] != self.config.task.condition_channels:
            raise ValueError(
                f"expected images [N, H, W, {self.config.task.condition_channels}], got {list(images.shape)}"
            )
        config = dataclasses.replace(self.config, test_time=statistics + "+dropout" * dropout)
        made = compiled(generate.make, config)(self.weights, jnp.asarray(images, jnp.float32), jax.random.key(seed))
        return np.asarray(made)

    def colorize(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """Colours photographs of one size, of which only the luma is looked at.

        For a generator of chroma they are resized to the config's `coloring_side`, or where that is 0, larger ones to
        `data.resize`; the colour is resized back.

        Args:
            images: uint8 RGB [count, height, width, 3]; height and width divisible by the network's `size_multiple`.
            seed: what dropout follows from, where `test_time` keeps it.

        Returns:
            RGB float32 [count, height, width, 3] in [0, 1].

        Raises:
            UserError: if the generator translates pairs.
        """
        return self._in_batches(generate.colorize, images, seed)

    def make_chroma(self, luma: np.ndarray, seed: int = 0) -> np.ndarray:
        """Makes the colour of one photograph, or of a part of one.

        Args:
            luma: uint8 [height, width], divisible by the network's `size_multiple`; compiled once for each size.
            seed: what dropout follows from, where `test_time` keeps it.

        Returns:
            Cr and Cb, float32 [height, width, 2] in [-0.5, 0.5] times the saturation; not all of it within the gamut.
        """
        # Compiled once, however strong the colours are.
        make = compiled(generate.make_chroma, dataclasses.replace(self.config, saturation=1.0))
        return np.asarray(make(self.weights, luma[None], jax.random.key(seed))[0]) * np.float32(self.config.saturation)

    def translate(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """Translates images of one size.

        Args:
            images: [count, height, width, channels], uint8, uint16, or float32 in [0, 1]; channels beyond those of
                the generator's input are not looked at; height and width divisible by the network's `size_multiple`.
            seed: what dropout follows from, where `test_time` keeps it.

        Returns:
            float32 [count, height, width, output channels] in [0, 1].
        """
        return self._in_batches(generate.translate, images, seed)

    def _in_batches(self, function: Callable[..., jax.Array], images: np.ndarray, seed: int) -> np.ndarray:
        return generate.in_batches(compiled(function, self.config), self.model, self.weights, images, seed)

    def with_saturation(self, factor: float) -> "TrainedGenerator":
        """The same generator, the chroma of what it makes multiplied by another factor than its config's."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, saturation=factor))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the generator to a file.

        Args:
            path: the file; one that is there is replaced. With the suffix `.pth` it becomes a file for the pix2pix
                authors' PyTorch code; else one in the safetensors format, whose kernels are float16, which is enough
                to colour with, and the rest float32.

        Raises:
            UserError: if the authors' code has no such network.
        """
        from safetensors.numpy import save

        if Path(path).suffix.lower() in pth_files.SUFFIXES:
            tensors = pytorch.generator_to_torch(self.config.generator, self.params, self.averages)
            return pth_files.write(Path(path), tensors)
        flat = _by_name(self.params, self.averages)
        arrays = {name: _narrow(np.asarray(leaf, np.float32), name.endswith("kernel")) for name, leaf in flat.items()}
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(save(arrays, {"config": json.dumps(dataclasses.asdict(self.config))}))
        return None


def _narrow(leaf: np.ndarray, is_kernel: bool) -> np.ndarray:
    """A kernel as float16, unless its values are beyond that; other weights as they are."""
    return leaf.astype(np.float16) if is_kernel and np.abs(leaf).max() <= np.finfo(np.float16).max else leaf


@lru_cache
def _model(config: Config) -> Model:
    # On one device there are no others to share batch statistics with.
    return build_model(dataclasses.replace(config, sync_batch_norm=False), total_steps=1)


@lru_cache(maxsize=16)
def compiled(function: Callable[..., jax.Array], config: Config) -> jax.stages.Wrapped:
    """A function of `generate` for a config's model, compiled once for all generators of that config."""
    return jax.jit(partial(function, _model(config)))


def load_trained(path: str | os.PathLike[str] | None = None, step: Step = None) -> TrainedGenerator:
    """Reads a trained generator.

    Args:
        path: a run's folder, of which the newest checkpoint is taken; or a file that `TrainedGenerator.save` wrote;
            or a `.pth` file of a generator of the pix2pix authors' code; or the name of one that comes with the
            package, "pretrained" or "reference" (of a folder of that name, `./reference`); None for "pretrained".
        step: of a run, the checkpoint that is taken. The best is that by CIEDE2000, or of pairs by L1.

    Returns:
        The generator.

    Raises:
        UserError: if there is none at that place, or it cannot be read, or is of another architecture.
    """
    typed = "pretrained" if path is None else os.fspath(path)
    place = PRETRAINED.get(typed) or typed_path(typed, "RUN")
    if place.is_dir():
        return _from_run(place, step)
    if step is not None:
        raise UserError(f"step {step} is one of a run, and {place} is none: give a run's folder")
    if place.is_file():
        if place.suffix.lower() in pth_files.SUFFIXES:
            return TrainedGenerator(*pth_files.load_generator(place))
        return _from_file(place)
    raise UserError(
        f"there is no run or file {place}: give a run's folder, a .safetensors or .pth file of a generator, or"
        f" {' or '.join(PRETRAINED)}"
    )


def load_run(folder: Path, step: Step = None) -> tuple[Config, TrainState]:
    """Reads the config and a sound checkpoint of a run, which may be going on, see `load_trained`.

    Raises:
        UserError: if the folder holds no run, or none that has a checkpoint yet, or it cannot be read.
    """
    if not (folder / "config.json").is_file() or not (folder / "checkpoints").is_dir():
        raise UserError(f"{folder} is no run's folder: it has no config.json, or no checkpoints")
    # Orbax takes a quarter of a second to import, which nobody who colours with a file should wait for.
    from pix2pix_jax.runs.checkpoints import read, read_newest, steps

    config = _read_config((folder / "config.json").read_text(encoding="utf-8", errors="replace"), folder)
    model = build_model(config, total_steps=1)
    like = jax.eval_shape(model.init, jax.random.key(0))
    checkpoints = folder / "checkpoints"
    chosen = _best_step(folder, steps(checkpoints)) if step == "best" else step
    state = read_newest(checkpoints, like) if chosen is None else read(checkpoints, like, chosen)
    if state is None:
        raise UserError(f"{checkpoints} has no checkpoint yet: let the run go on to its first")
    return config, state


def _best_step(folder: Path, steps: Sequence[int]) -> int:
    """Of some checkpoints of a run, the one that was the best on the held-out images."""
    from pix2pix_jax.runs import METRICS_FILE, read_metrics

    records = read_metrics(folder / METRICS_FILE) if (folder / METRICS_FILE).is_file() else []
    for figure in _DECIDING:
        found = {record["step"]: record[figure] for record in records if record.get(figure) is not None}
        if judged := [step for step in steps if step in found]:
            return min(judged, key=found.__getitem__)
    raise UserError(
        f"of the checkpoints in {folder} none was judged on held-out images: give one of the steps"
        f" {', '.join(map(str, steps))}"
    )


def _from_run(folder: Path, step: Step) -> TrainedGenerator:
    config, state = load_run(folder, step)
    trained = TrainedGenerator(config, state.trained.params, state.trained.averages)
    _check(trained, folder)
    return trained


def _from_file(file: Path) -> TrainedGenerator:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened, np.errstate(over="ignore"):
            metadata = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:  # the last two for types that NumPy has not
        raise UserError(f"{file} cannot be read as a safetensors file ({str(error).splitlines()[0]})") from error
    if "config" not in metadata:
        raise UserError(f"{file} holds no generator of this project: its metadata has no config")
    # All at once, which takes a fiftieth of the time that they take one by one.
    trees = unflatten_dict(jax.device_put(arrays), sep="/")
    trained = TrainedGenerator(_read_config(metadata["config"], file), *(trees.get(name, {}) for name in _COLLECTIONS))
    _check(trained, file)
    return trained


def _read_config(text: str, place: Path) -> Config:
    """A config as it was stored, with today's defaults for keys that are younger than it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the config in {place} is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"the config in {place} is no mapping of keys to values")
    try:
        config = stored(values)
        check_values(config)
        return config
    except UserError as error:
        raise UserError(f"the config in {place} cannot be used here ({error}): use the version that made it") from error


def _check(trained: TrainedGenerator, place: Path) -> None:
    """Raises UserError unless the weights are those of the generator that the config describes, and finite."""
    try:
        init = jax.eval_shape(trained.model.init, jax.random.key(0))
    except ValueError as error:
        raise UserError(f"the config in {place} describes no network ({error})") from error
    wanted, given = _by_name(init.generator.params, init.averages), _by_name(trained.params, trained.averages)
    for name in sorted(wanted.keys() | given.keys()):
        found, right = (list(np.shape(of[name])) if name in of else "missing" for of in (given, wanted))
        if found != right:
            raise UserError(f"{place} is of another architecture: its {name} is {found}, the generator's is {right}")
    try:
        pytorch.check_numbers(given)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _by_name(params: Params, averages: Params) -> dict[str, Any]:
    return flatten_dict({"params": params, "batch_stats": averages}, sep="/")
