"""The images that a run is judged on."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from pix2pix_jax import color, evaluation
from pix2pix_jax.config import Config
from pix2pix_jax.evaluation import BESIDE, PAIR_MEASURES, PHOTOGRAPH_MEASURES, average, measure_each, true_points
from pix2pix_jax.figures import Group, save_sheet
from pix2pix_jax.inference import TrainedGenerator
from pix2pix_jax.inference.generator import points_in_training
from pix2pix_jax.state import TrainState
from pix2pix_jax.tasks import TranslationTask

_SAMPLES = 12  # images in a sheet
_PIXELS = 2**15  # that the tint is fitted to: the first digit of its CIEDE2000 does not change any more


class HeldOut:
    """Held-out photographs, what a generator makes of them, and how good that is.

    Where it takes points of colour, it is given as many as in training, see `evaluation.true_points`.
    """

    def __init__(self, config: Config, images: np.ndarray) -> None:
        """Takes the run's config, and the photographs, uint8 RGB [count, height, width, 3]."""
        self._config = config
        self._images = images
        points = round(points_in_training(config))
        self._points = true_points(images, points, config.seed) if points else None

    def make(self, state: TrainState) -> np.ndarray:
        """Colours the photographs with a state's generator: RGB float32 [count, height, width, 3] in [0, 1]."""
        # From a copy: a state spread over several devices would make each of them do the same work.
        weights = jax.device_get(state.trained)
        return self._made(TrainedGenerator(self._config, weights.params, weights.averages))

    def _made(self, generator: TrainedGenerator) -> np.ndarray:
        return generator.colorize(self._images, self._config.seed, self._points)

    def judge(self, made: np.ndarray) -> dict[str, float]:
        """Figures of merit of what was made, beside what needs no network, as a record for the metrics."""
        merits = average(measure_each(made, self._images, PHOTOGRAPH_MEASURES))
        return {f"eval/{name}": value for name, value in merits.items()} | self._constants

    def draw(self, path: Path, made: np.ndarray, title: str) -> None:
        """Saves a sheet of the first few: what was given, what was made, the truth."""
        gray = color.to_gray(self._images[:_SAMPLES] / 255.0)
        versions = {"grey": gray, "coloured": made[:_SAMPLES], "truth": self._images[:_SAMPLES]}
        save_sheet(path, title, [Group(versions)])

    @cached_property
    def _constants(self) -> dict[str, float]:
        tint = evaluation.best_tint(self._images, "ciede2000", _PIXELS)
        beside = {"gray": evaluation.gray_images(self._images), "tint": evaluation.apply_tint(self._images, tint)}
        truth = average(measure_each(self._images, self._images, ["colorfulness"]))
        return _beside(beside, self._images, PHOTOGRAPH_MEASURES) | {"eval/truth_colorfulness": truth["colorfulness"]}


class HeldOutPairs(HeldOut):
    """Held-out pairs, what a generator makes of their inputs, and how near that is to the truth."""

    def __init__(self, config: Config, images: np.ndarray) -> None:
        """Takes the run's config, and pairs [count, height, width, input + output channels] as the loader has them."""
        super().__init__(config, images)
        units = np.asarray(color.from_pixels(jax.numpy.asarray(images))) / 2.0 + 0.5
        self._inputs = units[..., : config.task.condition_channels]
        self._truth = units[..., config.task.condition_channels :]

    def _made(self, generator: TrainedGenerator) -> np.ndarray:
        return generator.translate(self._images, self._config.seed)

    def judge(self, made: np.ndarray) -> dict[str, float]:
        """As `HeldOut.judge`; `made` is float32 [count, height, width, output channels] in [0, 1]."""
        merits = average(measure_each(made, self._truth, PAIR_MEASURES))
        return {f"eval/{name}": value for name, value in merits.items()} | self._constants

    def draw(self, path: Path, made: np.ndarray, title: str) -> None:
        """As `HeldOut.draw`."""
        versions = {"input": self._inputs[:_SAMPLES], "output": made[:_SAMPLES], "truth": self._truth[:_SAMPLES]}
        save_sheet(path, title, [Group(versions)])

    @cached_property
    def _constants(self) -> dict[str, float]:
        baselines = evaluation.pair_baselines(self._inputs, self._truth)
        beside = {row: baselines[name] for row, name in BESIDE.items() if name in baselines}
        return _beside(beside, self._truth, PAIR_MEASURES)


def _beside(made: Mapping[str, np.ndarray], truth: np.ndarray, measures: Sequence[str]) -> dict[str, float]:
    """Figures of merit of what needs no network, by their names in the metrics."""
    merits = {row: average(measure_each(images, truth, measures)) for row, images in made.items()}
    return {f"eval/{row}_{name}": value for row, each in merits.items() for name, value in each.items()}


def held_out(config: Config, images: np.ndarray) -> HeldOut:
    """The held-out images of a run's task."""
    return (HeldOutPairs if isinstance(config.task, TranslationTask) else HeldOut)(config, images)
