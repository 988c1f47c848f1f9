"""What is compared between the two programs for the paper's networks, whichever of them made it."""

from collections.abc import Mapping

import numpy as np

from benchmarks.parity.paper_recipe import Values
from benchmarks.parity.run import Run

_OUTPUTS_KEPT = 128
_GRADIENT_KEPT = 8


def gradient_scales(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The size that an error in each gradient is divided by: its own norm; of a bias at least that of its kernel.

    A bias before a norm has no effect, so its gradient is zero up to rounding.
    """
    scales = {name: float(np.linalg.norm(value)) for name, value in gradients.items()}
    kernels = {name: name.replace("/bias", "/kernel") for name in gradients if name.endswith("/bias")}
    return {name: max(scale, scales.get(kernels.get(name, name), 0.0)) for name, scale in scales.items()}


def loss_scales(losses: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The size that an error in each loss is divided by: the largest in the run.

    Each loss is a mean of terms about as large as 1, which in some objectives have both signs, and is then no measure
    of itself when it is near 0.
    """
    return {name: float(np.abs(values).max()) for name, values in losses.items()}


def golden_outputs(outputs: Values) -> Values:
    """The part of outputs that is stored."""
    return {name: _spaced(value, _OUTPUTS_KEPT) for name, value in outputs.items()}


def golden_run(run: Run) -> Values:
    """The part of a run that is stored, in few arrays, names in alphabetical order.

    Returns:
        `gradients`: a row for each, the scale of its error (see `gradient_scales`) and some of its elements;
        `averages`: of each the mean and the mean square; `loss.NAME`.
    """
    scales = gradient_scales(run.gradients)
    rows = [np.append(scales[name], _spaced(value, _GRADIENT_KEPT)) for name, value in sorted(run.gradients.items())]
    averages = [(value.mean(), np.square(value).mean()) for _, value in sorted(run.averages.items())]
    return {
        "gradients": np.array(rows, np.float32),
        "averages": np.array(averages, np.float32).reshape(-1, 2),
        **{f"loss.{name}": values.astype(np.float32) for name, values in run.losses.items()},
    }


def _spaced(tensor: np.ndarray, count: int) -> np.ndarray:
    """Elements spread evenly over an array, the last among them; repeated where there are fewer."""
    return tensor.ravel()[np.linspace(0, tensor.size - 1, count).round().astype(int)]
