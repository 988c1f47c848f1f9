"""How a picture moves from one frame to the next, seen at the scale that colour is made at."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
"""[H, W], 0 to 255."""

Floats = NDArray[Any]
"""Float32."""

# How far back and forth may miss, px, and luma differ, for a trust of 1/e each. With half as much, colour
# flickers a fifth more and is no better.
_MISS, _DIFFERENCE = 1.5, 20.0

_NONE = np.empty(0, np.float32)  # where OpenCV may be given an array, and is not

_TILES, _LEVELS, _CUT = 4, 32, 3.0  # a side; of luma; and how many of these a tile's luma moves on average at a cut


def flow_between(first: Luma, second: Luma) -> Floats:
    """Where each pixel of a luma [H, W] is in another: [H, W, 2], x and y in px (Kroeger et al., 2016)."""
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(first, second, _NONE)


def moved(image: Floats, flow: Floats) -> Floats:
    """What of an image [H, W] or [H, W, channels] lies where a flow [H, W, 2] leads."""
    return cv2.remap(image, _places(*flow.shape[:2]) + flow, _NONE, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def trust(first: Luma, second: Luma, there: Floats, back: Floats) -> Floats:
    """How far a flow from one luma to another is to be trusted, [H, W] in [0, 1].

    It is where the flow back leads home, luma is the same, and the place is within the picture.
    """
    missed = np.square(there + moved(back, there)).sum(-1) / _MISS**2
    difference = np.square(first - moved(second.astype(np.float32), there)) / _DIFFERENCE**2
    places = _places(*first.shape) + there
    inside = ((places > -0.5) & (places < np.array(first.shape[::-1], np.float32) - 0.5)).all(-1)
    return np.exp(-missed - difference) * inside


@lru_cache(maxsize=4)
def _places(height: int, width: int) -> Floats:
    return np.moveaxis(np.indices((height, width), np.float32)[::-1], 0, -1).copy()


def is_cut(first: Luma, second: Luma) -> bool:
    """Whether a new scene begins between two lumas, by the histograms of 4×4 tiles."""
    return bool(np.abs(_cumulated(first) - _cumulated(second)).sum(1).mean() > _CUT)


def _cumulated(luma: Luma) -> NDArray[np.float64]:
    """Shares of a tile's pixels up to each level, [tiles, levels]."""
    rows, columns = (np.arange(length) * _TILES // length for length in luma.shape)
    cells = (rows[:, None] * _TILES + columns) * _LEVELS + luma // (256 // _LEVELS)
    counts = np.bincount(cells.ravel(), minlength=_TILES**2 * _LEVELS).reshape(-1, _LEVELS).cumsum(1)
    return counts / np.maximum(counts[:, -1:], 1)
