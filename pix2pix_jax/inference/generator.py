"""A trained generator: the config and the weights of one, and what it makes of images."""

import dataclasses
import json
import math
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from pix2pix_jax import ops
from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, writing
from pix2pix_jax.inference import generate, pth_files
from pix2pix_jax.networks import Generator, Params, pytorch
from pix2pix_jax.state import Weights, build_generator
from pix2pix_jax.tasks import ColorizationTask, TranslationTask

_BATCH = 32
# px. Each size that a network is run at has to be compiled, which takes as long as several images: what has to be
# padded is padded to multiples of this, so that images of many sizes need few.
_GRID = 32


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
    def network(self) -> Generator:
        """Its Flax module."""
        return build_generator(self.config)

    @property
    def weights(self) -> Weights:
        """The parameters and the running averages."""
        return Weights(self.params, self.averages)

    @property
    def weights_by_name(self) -> dict[str, Any]:
        """The same by their names in a file, such as `params/enc1/conv/kernel`."""
        return flatten_dict({"params": self.params, "batch_stats": self.averages}, sep="/")

    @property
    def translates(self) -> bool:
        """Whether it was trained on pairs, and does not colour."""
        return isinstance(self.config.task, TranslationTask)

    @property
    def takes_points(self) -> bool:
        """Whether it follows points of colour."""
        return points_in_training(self.config) > 0.0

    def apply(self, condition: np.ndarray, points: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
        """Runs the network alone.

        Args:
            condition: what it is given, float32 [N, H, W, channels] in [-1, 1], such as luma; H and W divisible by the
                network's `size_multiple`.
            points: as `point_map` draws them, float32 [N, H, W, 3]; None for none.
            seed: what dropout follows from, where `test_time` keeps it.

        Returns:
            What it makes, float32 [N, H, W, channels] in [-1, 1], such as Cr and Cb.

        Raises:
            UserError: if it takes no points, and some are given.
        """
        if points is not None:
            condition = np.concatenate([condition, self._checked(points)], -1)
        return np.asarray(compiled(generate.make, self.config)(self.weights, condition, jax.random.key(seed)))

    def colorize(self, images: np.ndarray, seed: int = 0, points: np.ndarray | None = None) -> np.ndarray:
        """Colours photographs of one size, of which only the luma is looked at.

        For a generator of chroma they are resized to the config's `coloring_side`, or where that is 0, larger ones to
        `data.resize`; the colour is resized back.

        Args:
            images: uint8 RGB [count, height, width, 3]; height and width divisible by the network's `size_multiple`.
            seed: what dropout follows from, where `test_time` keeps it.
            points: of colour, as `point_map` draws them, float32 [count, height, width, 3]; None for none.

        Returns:
            RGB float32 [count, height, width, 3] in [0, 1].

        Raises:
            UserError: if the generator translates pairs, or takes no points, and some are given.
        """
        return self._in_batches(generate.colorize, images, seed, points)

    def make_chroma(self, luma: np.ndarray, seed: int = 0, points: np.ndarray | None = None) -> np.ndarray:
        """Makes the colour of one photograph, or of a part of one.

        Args:
            luma: uint8 [height, width], divisible by the network's `size_multiple`; compiled once for each size.
            seed: as for `colorize`.
            points: of colour, as `point_map` draws them, float32 [height, width, 3]; None for none.

        Returns:
            Cr and Cb, float32 [height, width, 2] in [-0.5, 0.5] times the saturation; not all of it within the gamut.
        """
        # Compiled once, however strong the colours are.
        make = compiled(generate.make_chroma, dataclasses.replace(self.config, saturation=1.0))
        saturation = np.float32(self.config.saturation)
        given = [] if points is None else [self._checked(points)[None] / np.array([1, saturation, saturation])]
        return np.asarray(make(self.weights, luma[None], jax.random.key(seed), *given)[0]) * saturation

    def translate(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """Translates images of one size.

        An image of a size that the network takes goes through as it is. Any other is continued to the right and
        downwards by its own reflection, and that part of the output is cut off.

        Args:
            images: [count, height, width, channels], uint8, uint16, or float32 in [0, 1]; channels beyond those of
                the generator's input are not looked at.
            seed: what dropout follows from, where `test_time` keeps it; each image draws its own.

        Returns:
            float32 [count, height, width, output channels] in [0, 1].

        Raises:
            UserError: if the generator colours.
        """
        height, width = images.shape[1:3]
        taken = [self.side_taken(side) for side in (height, width)]
        if taken != [height, width]:
            taken = [self.side_taken(math.ceil(side / _GRID) * _GRID) for side in (height, width)]
        missing = [(0, 0), (0, taken[0] - height), (0, taken[1] - width), (0, 0)]
        output = self._in_batches(generate.translate, np.pad(images, missing, "reflect"), seed)
        return output[:, :height, :width]

    def side_taken(self, side: int) -> int:
        """The least height or width, px, that is no less than `side` and that the network takes."""
        network = self.network
        return math.ceil(max(side, network.smallest_size) / network.size_multiple) * network.size_multiple

    def with_saturation(self, factor: float) -> "TrainedGenerator":
        """The same generator, the chroma of what it makes multiplied by another factor than its config's."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, saturation=factor))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the generator to a file.

        Args:
            path: the file; one that is there is replaced. With the suffix `.pth` it is for the pix2pix authors'
                PyTorch code; else in the safetensors format, kernels in float16, which is enough to colour with.

        Raises:
            UserError: if the file cannot be written, or the authors' code has no such network.
        """
        from safetensors.numpy import save

        file = Path(path)
        if file.suffix.lower() in pth_files.SUFFIXES:
            pth_files.write(file, pytorch.generator_to_torch(self.config.generator, self.params, self.averages))
            return
        arrays: dict[str, np.ndarray] = {}
        for name, leaf in self.weights_by_name.items():
            array = np.asarray(leaf, np.float32)
            small = name.endswith("kernel") and np.abs(array).max() <= np.finfo(np.float16).max
            arrays[name] = array.astype(np.float16) if small else array
        content = save(arrays, {"config": json.dumps(dataclasses.asdict(self.config))})
        with writing(file), replacing(file) as temporary:
            temporary.write_bytes(content)

    def _checked(self, points: np.ndarray) -> np.ndarray:
        if not self.takes_points:
            raise UserError("this generator takes no points of colour: use one that was trained with task.points")
        return np.asarray(points, np.float32)

    def _in_batches(
        self, function: Callable[..., jax.Array], images: np.ndarray, seed: int, points: np.ndarray | None = None
    ) -> np.ndarray:
        """Colours or translates any number of images [count, height, width, channels] with one compiled program."""
        generate_batch, key, outputs = compiled(function, self.config), jax.random.key(seed), []
        # The output for an image must not depend on the others' statistics, nor on its place among them.
        size = min(_BATCH, len(images)) if self.config.test_time == "running" else 1
        given = [images] if points is None else [images, self._checked(points)]
        for start in range(0, len(images), size):
            count = min(size, len(images) - start)
            missing = [(0, size - count), (0, 0), (0, 0), (0, 0)]
            padded, *others = (np.pad(each[start : start + count], missing) for each in given)
            outputs.append(np.asarray(generate_batch(self.weights, padded, key, *others))[:count])
        return np.concatenate(outputs)


def points_in_training(config: Config) -> float:
    """How many points of colour the generator of a config is given in training; 0 where it takes none."""
    return config.task.points if isinstance(config.task, ColorizationTask) else 0.0


@lru_cache(maxsize=16)
def compiled(function: Callable[..., jax.Array], config: Config) -> jax.stages.Wrapped:
    """A function of `generate` for a config, compiled once for all generators of that config."""
    return jax.jit(partial(ops.for_platform(jax.default_backend())(function), config))
