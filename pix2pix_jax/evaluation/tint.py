"""The best constant tint: what a generator that has learnt nothing about its photographs could still do.

One colour difference (Cr, Cb), the same for every pixel of every photograph, is added to the luma. It is fitted to the
very photographs that are evaluated, so no tint that is chosen beforehand can do better on them.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import YCRCB_TO_RGB
from pix2pix_jax.evaluation import measures

_PIXELS = 2**18  # that a tint is fitted to, over all photographs: the second digit of the mean does not change any more
_MIN_SIDE = 8  # of what is left of a photograph when it is fitted, px


class Tint(NamedTuple):
    """A constant colour difference, each part in [-0.5, 0.5]."""

    cr: float
    cb: float


def apply_tint(images: NDArray, tint: Tint) -> NDArray[np.float32]:
    """Gives every pixel the same tint instead of its own colour.

    Args:
        images: RGB images [N, H, W, 3], uint8 or floating point in [0, 1].
        tint: the colour difference.

    Returns:
        RGB float32 [N, H, W, 3] in [0, 1], clipped: dark and bright pixels have no room for some tints.
    """
    offset = YCRCB_TO_RGB[:, 1:] @ np.array(tint)
    return np.clip(measures.gray_images(images) + offset.astype(np.float32), 0.0, 1.0)


def best_tint(images: NDArray, criterion: Literal["ciede2000", "psnr"], pixels: int = _PIXELS) -> Tint:
    """Finds the tint that is best for photographs by one measure.

    Args:
        images: RGB images [N, H, W, 3], uint8 or floating point in [0, 1]; large stacks are fitted on a grid of their
            pixels.
        criterion: the least mean CIEDE2000, or the greatest PSNR of the mean squared error.
        pixels: that it is fitted to, at most about.
    """
    from scipy.optimize import minimize

    # Both measures look at pixels one by one, so every n-th in both directions stands for all.
    shortest = min(images.shape[1:3])
    stride = max(1, min(round((images[..., 0].size / pixels) ** 0.5), shortest // _MIN_SIDE))
    sample = images[:, ::stride, ::stride]

    def cost(values: NDArray) -> float:
        tinted = apply_tint(sample, Tint(*values))
        if criterion == "psnr":
            return -measures.psnr_of_mean_error(measures.psnr(tinted, sample))
        return float(measures.ciede2000(tinted, sample).mean())

    start = [[0.0, 0.0], [0.05, 0.0], [0.0, -0.05]]  # grey, and towards red and yellow, where photographs lie
    found = minimize(
        cost, start[0], method="Nelder-Mead", options={"initial_simplex": start, "xatol": 1e-4, "fatol": 1e-4}
    )
    return Tint(*map(float, found.x))
