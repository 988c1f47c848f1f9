"""The photographs that a run is judged on."""

from functools import cached_property, partial

import jax
import numpy as np

from pix2pix_jax import color
from pix2pix_jax.evaluation import measures
from pix2pix_jax.inference import generate
from pix2pix_jax.state import Model, TrainState


class HeldOut:
    """Held-out photographs, what a generator makes of them, and how good that is."""

    def __init__(self, model: Model, images: np.ndarray) -> None:
        """Takes the photographs, uint8 RGB [count, height, width, 3]."""
        self.images = images
        self.gray = color.to_gray(images / 255.0)
        self._colorize = jax.jit(partial(generate.colorize, model))

    @cached_property
    def _constants(self) -> dict[str, float]:
        baseline = measures.gray_baseline(self.images)
        constants = {f"eval/gray_{name}": value for name, value in baseline.items()}
        return constants | {"eval/truth_colorfulness": measures.mean_colorfulness(self.images)}

    def colorize(self, state: TrainState) -> np.ndarray:
        """Colours the photographs with a state's generator: RGB float32 [count, height, width, 3] in [0, 1]."""
        # One device does it, from a copy: a state spread over several would make each of them do the same work.
        weights = jax.device_get(state.colorizing)
        return generate.colorize_in_batches(self._colorize, weights.params, weights.averages, self.images)

    def judge(self, colored: np.ndarray) -> dict[str, float]:
        """Figures of merit of coloured photographs, beside those of the grey ones, as a record for the metrics."""
        merits = measures.evaluate_images(colored, self.images)
        return {f"eval/{name}": value for name, value in merits.items()} | self._constants
