"""What is compared between the two programs, whichever of them made it."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Tensors = dict[str, np.ndarray]
"""By network and PyTorch's name, as in `generator.enc1.conv.weight`; kernels OIHW."""

_KEPT = 16


class Run(NamedTuple):
    """The first steps of a training from the recipe's weights.

    Attributes:
        outputs: by name, what the networks make of the first batch. Of the reference's: `made` (G in training mode,
            `[B, H, W, 2 or 3]`) and `colored` (with running averages); `real_logits` and `fake_logits`
            (D's, `[B, H/32, W/32, 1]`; empty without a D).
        gradients: of each network's loss on the first batch.
        averages: G's running averages after the first step.
        losses: every term by name, one value for each of steps 0 to 10, taken before that step's update.
    """

    outputs: dict[str, np.ndarray]
    gradients: Tensors
    averages: Tensors
    losses: dict[str, np.ndarray]


def gradient_scales(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The size that an error in each gradient is divided by: the gradient's own norm.

    A bias before a batch norm has no effect, so its gradient is zero up to rounding. Its error is divided by the norm
    of its kernel's gradient instead.
    """
    scales = {name: float(np.linalg.norm(value)) for name, value in gradients.items()}
    for name in gradients:
        if name.endswith("conv.bias") and name.replace("conv.bias", "norm.bias") in gradients:
            scales[name] = scales[name.replace("bias", "weight")]
    return scales


def golden_values(run: Run) -> Tensors:
    """The part of a run that is stored: whatever is small, and samples of the rest.

    Returns:
        The outputs, of images every fourth row and column; `gradient.NAME`: the scale of its error (see
        `gradient_scales`), then `_KEPT` evenly spaced elements, or all if there are fewer; `average.NAME`; `loss.NAME`.
    """
    scales = gradient_scales(run.gradients)
    return {
        **{name: value if "logits" in name else value[:, ::4, ::4] for name, value in run.outputs.items()},
        **{
            f"gradient.{name}": np.append(np.float32(scales[name]), _spaced(value))
            for name, value in run.gradients.items()
        },
        **{f"average.{name}": value for name, value in run.averages.items()},
        **{f"loss.{name}": values for name, values in run.losses.items()},
    }


def _spaced(tensor: np.ndarray) -> np.ndarray:
    """`_KEPT` evenly spaced elements."""
    return tensor.ravel()[:: max(tensor.size // _KEPT, 1)][:_KEPT]
