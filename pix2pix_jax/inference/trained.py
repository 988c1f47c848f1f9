"""Where trained generators come from: runs, and files.

A file is in the safetensors format, which holds arrays and text and nothing that runs: the generator's parameters and
running averages by name (`params/enc1/conv/kernel`), and the run's config as JSON under the metadata key `config`.
"""

import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict

from pix2pix_jax.config import Config, check_values, stored
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import pth_files
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.networks import pytorch
from pix2pix_jax.state import TrainState, build_model

_FOLDER = Path(__file__).parents[1] / "pretrained"
PRETRAINED = {name: _FOLDER / f"{name}.safetensors" for name in ("pretrained", "reference")}
"""The generators that come with the package, by name: the one that is used unless another is asked for, and the
reference's U-Net."""

Step = int | Literal["best"] | None
"""Which checkpoint of a run: after so many steps, the best of those kept on the held-out images, or the newest."""


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
        config, state = load_run(place, step)
        return _checked(TrainedGenerator(config, state.trained.params, state.trained.averages), place)
    if step is not None:
        raise UserError(f"step {step} is one of a run, and {place} is none: give a run's folder")
    if not place.is_file():
        raise UserError(
            f"there is no run or file {place}: give a run's folder, a .safetensors or .pth file of a generator, or"
            f" {' or '.join(PRETRAINED)}"
        )
    if place.suffix.lower() in pth_files.SUFFIXES:
        return TrainedGenerator(*pth_files.load_generator(place))
    return _from_file(place)


Trained = TrainedGenerator | str | os.PathLike[str] | None
"""A generator, or what `load_trained` reads one from."""


def given_generator(given: Trained) -> TrainedGenerator:
    """The generator that a caller gave, or named as for `load_trained`; those of the package are kept once read."""
    if isinstance(given, TrainedGenerator):
        return given
    return _packaged(given) if given in (None, *PRETRAINED) else load_trained(given)


_packaged = cache(load_trained)


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
    like = jax.eval_shape(build_model(config, total_steps=1).init, jax.random.key(0))
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
    for figure in ("eval/ciede2000", "eval/l1"):  # lower is better
        found = {record["step"]: record[figure] for record in records if record.get(figure) is not None}
        if evaluated := [step for step in steps if step in found]:
            return min(evaluated, key=found.__getitem__)
    known = ", ".join(map(str, steps))
    raise UserError(f"no checkpoint in {folder} was evaluated on held-out images: give one of the steps {known}")


def _from_file(file: Path) -> TrainedGenerator:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened, np.errstate(over="ignore"):
            metadata = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name).astype("f4", casting="same_kind") for name in opened.keys()}  # noqa: SIM118
        # All at once, which takes a fiftieth of the time that they take one by one.
        trees = unflatten_dict(jax.device_put(arrays), sep="/")
    # The last three for types that NumPy has not, and for a name that is the beginning of another's.
    except (SafetensorError, OSError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{file} cannot be read as a safetensors file ({str(error).splitlines()[0]})") from error
    if "config" not in metadata:
        raise UserError(f"{file} holds no generator of this project: its metadata has no config")
    config = _read_config(metadata["config"], file)
    trained = TrainedGenerator(config, trees.get("params", {}), trees.get("batch_stats", {}))
    # The package's own are sound; to find that takes as long as to colour a photograph.
    return trained if file in PRETRAINED.values() else _checked(trained, file)


def _read_config(text: str, place: Path) -> Config:
    """A config as it was stored, with today's defaults for keys that are younger than it."""
    try:
        config = stored(json.loads(text))
        check_values(config)
        return config
    except UserError as error:
        raise UserError(f"the config in {place} cannot be used here ({error}): use the version that made it") from error
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"the config in {place} is no JSON of a config ({error})") from error


def _checked(trained: TrainedGenerator, place: Path) -> TrainedGenerator:
    """The generator; raises UserError unless its weights are those that the config describes, and finite."""
    given = trained.weights_by_name
    try:
        side = trained.network.smallest_size * trained.network.size_multiple
        condition = jax.ShapeDtypeStruct((1, side, side, trained.config.task.condition_channels), jnp.float32)
        init = jax.eval_shape(trained.network.init, jax.random.key(0), condition)
        pytorch.check_numbers(given)
    except (UserError, ValueError) as error:  # the latter of a network that cannot be
        raise UserError(f"{place}: {error}") from error
    wanted = TrainedGenerator(trained.config, init["params"], init.get("batch_stats", {})).weights_by_name
    for name in sorted(wanted.keys() | given.keys()):
        found, right = (list(np.shape(of[name])) if name in of else "missing" for of in (given, wanted))
        if found != right:
            raise UserError(f"{place} is of another architecture: its {name} is {found}, the generator's is {right}")
    return trained
