"""What is compared between the two programs, whichever of them made it."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Values = dict[str, np.ndarray]
"""Arrays by name; parameters, gradients and averages of a network by PyTorch's: `enc1.norm.bias`, kernels OIHW."""

_OUTPUTS_KEPT = 128
_GRADIENT_KEPT = 8
_ZERO = 1e-3  # of the gradient of a kernel: smaller ones are rounding


class Run(NamedTuple):
    """The first steps of a training from the recipe's weights.

    Attributes:
        outputs: by name, what the networks make of the first batch. Of the reference's alone: `made` (G in training
            mode, `[B, H, W, 2 or 3]`), `colored` (with running averages); where there is a D, `real_logits` and
            `fake_logits` (`[B, H/32, W/32, 1]`).
        gradients: of each network's loss on the first batch: `generator.NAME` and `discriminator.NAME`.
        averages: G's running averages after the first step.
        losses: every term by name, one value for each of steps 0 to 10, taken before that step's update.
    """

    outputs: Values
    gradients: Values
    averages: Values
    losses: Values


def gradient_scales(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The size that an error in each gradient is divided by: its own norm, or that of the layer's kernel.

    A bias before a norm has no effect, so its gradient is zero up to rounding, and no measure of itself.
    """
    scales = {name: float(np.linalg.norm(value)) for name, value in gradients.items()}
    for name, scale in scales.items():
        kernel = scales.get(name.replace(".bias", ".weight"), 0.0)
        if scale < _ZERO * kernel:
            scales[name] = kernel
    return scales


def loss_scales(losses: Mapping[str, np.ndarray]) -> Values:
    """The size that an error in each loss is divided by: the loss; of the paper's trainings the largest in the run.

    Each of their losses is a mean of terms about as large as 1, which in some objectives have both signs, and is then
    no measure of itself when it is near 0. The reference's losses have the sign of all their terms.
    """
    colours = "g_l1_rgb" in losses
    return {name: np.abs(values) if colours else np.abs(values).max() for name, values in losses.items()}


def golden_outputs(outputs: Values) -> Values:
    """The part of outputs that is stored."""
    return {name: _spaced(value, _OUTPUTS_KEPT) for name, value in outputs.items()}


def golden_run(run: Run) -> Values:
    """The part of a run that is stored, in few arrays, names in alphabetical order.

    Returns:
        `gradients`: a row for each, the scale of its error (see `gradient_scales`) and some of its elements;
        `averages`: of each the mean and the mean square; `loss.NAME`; `output.NAME`.
    """
    scales = gradient_scales(run.gradients)
    rows = [np.append(scales[name], _spaced(value, _GRADIENT_KEPT)) for name, value in sorted(run.gradients.items())]
    averages = [(value.mean(), np.square(value).mean()) for _, value in sorted(run.averages.items())]
    return {
        "gradients": np.array(rows, np.float32),
        "averages": np.array(averages, np.float32).reshape(-1, 2),
        **{f"loss.{name}": values.astype(np.float32) for name, values in run.losses.items()},
        **{f"output.{name}": values for name, values in golden_outputs(run.outputs).items()},
    }


def _spaced(tensor: np.ndarray, count: int) -> np.ndarray:
    """Elements spread evenly over an array, the last among them; repeated where there are fewer."""
    return tensor.ravel()[np.linspace(0, tensor.size - 1, count).round().astype(int)]
