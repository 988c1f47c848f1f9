"""The images that a run is evaluated on."""

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
    """Held-out images, what a generator makes of them, and how good that is.

    A generator that takes points of colour is given as many as in training, see `evaluation.true_points`.
    """

    def __init__(self, config: Config, images: np.ndarray) -> None:
        """Takes the run's config, and images [count, height, width, channels] as the loader has them.

        They are uint8 RGB, or pairs: the input's channels, and then the truth's.
        """
        self._config = config
        self._images = images
        self._translates = isinstance(config.task, TranslationTask)
        points = round(points_in_training(config))
        self._points = true_points(images, points, config.seed) if points else None
        if self._translates:
            units = np.asarray(color.from_pixels(jax.numpy.asarray(images))) / 2.0 + 0.5
            self._inputs, self._truth = np.split(units, [config.task.condition_channels], axis=-1)
            self._measures = PAIR_MEASURES
        else:
            self._inputs, self._truth = evaluation.gray_images(images[:_SAMPLES]), images
            self._measures = PHOTOGRAPH_MEASURES

    def make(self, state: TrainState) -> np.ndarray:
        """Colours or translates them with a state's generator: float32 [count, height, width, channels] in [0, 1]."""
        # From a copy: a state spread over several devices would make each of them do the same work.
        weights = jax.device_get(state.trained)
        generator = TrainedGenerator(self._config, weights.params, weights.averages)
        if self._translates:
            return generator.translate(self._images, self._config.seed)
        return generator.colorize(self._images, self._config.seed, self._points)

    def evaluate(self, generated: np.ndarray) -> dict[str, float]:
        """Measures of generated images, beside those of what needs no network, as a record for the metrics."""
        return {f"eval/{name}": value for name, value in (self._merits(generated) | self._beside).items()}

    def draw(self, path: Path, made: np.ndarray, title: str) -> None:
        """Saves a sheet of the first few: what was given, what was made, the truth."""
        given, output = ("input", "output") if self._translates else ("grey", "coloured")
        versions = {given: self._inputs, output: made, "truth": self._truth}
        save_sheet(path, title, [Group({name: images[:_SAMPLES] for name, images in versions.items()})])

    @cached_property
    def _beside(self) -> dict[str, float]:
        """Figures of merit of what needs no network, and how colourful photographs are."""
        truth = self._truth
        if self._translates:
            baselines = evaluation.pair_baselines(self._inputs, truth)
            beside = {row: baselines[name] for row, name in BESIDE.items() if name in baselines}
        else:
            tint = evaluation.best_tint(truth, "ciede2000", _PIXELS)
            beside = {"gray": evaluation.gray_images(truth), "tint": evaluation.apply_tint(truth, tint)}
        record = {
            f"{row}_{name}": value for row, images in beside.items() for name, value in self._merits(images).items()
        }
        if not self._translates:
            record["truth_colorfulness"] = average(measure_each(truth, truth, ["colorfulness"]))["colorfulness"]
        return record

    def _merits(self, made: np.ndarray) -> dict[str, float]:
        return average(measure_each(made, self._truth, self._measures))
