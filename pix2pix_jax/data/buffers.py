"""Memory for batches."""

import math

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 64  # bytes; XLA on a CPU takes over arrays that begin at a multiple of this, and copies others


def empty_images(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An uninitialised uint8 array of this shape that a CPU device can use without copying it."""
    size = math.prod(shape)
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].reshape(shape)
