"""Images that are generated in overlapping squares, which fade into each other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def faded_bands(
    make: Callable[[NDArray[Any]], NDArray[np.float32]],
    image: NDArray[Any],
    side: int,
    starts: tuple[Sequence[int], Sequence[int]],
    overlap: int,
) -> Iterator[NDArray[np.float32]]:
    """Makes an image of squares, so that beside it only a band of them is in memory.

    Args:
        make: makes float32 [side, side, C] of a square of the image.
        image: what is given, [H, W] or [H, W, channels].
        side: height and width of the squares, px.
        starts: their first rows, and their first columns, rising. The last end where the image ends.
        overlap: how far from its edges a square's weight rises, px; along an axis with several squares.

    Yields:
        The rows from each start to the next, [rows, W, C].
    """
    place = np.arange(side)
    ramp = np.minimum(np.minimum(place, place[::-1]) + 1, overlap).astype(np.float32)
    tops, lefts = starts
    rise, run = (ramp if len(each) > 1 else np.ones_like(ramp) for each in starts)
    weights = rise[:, None, None] * run[:, None]
    above = np.zeros((0, 1, 1), np.float32)  # what reaches into these rows from the squares above them
    for top, below in zip(tops, [*tops[1:], len(image)], strict=True):
        # Weighted sums, and behind them as one more channel the sum of the weights.
        squares = [np.dstack([weights * make(image[top : top + side, left : left + side]), weights]) for left in lefts]
        band = np.zeros((side, image.shape[1], squares[0].shape[2]), np.float32)
        band[: len(above)] = above
        for left, square in zip(lefts, squares, strict=True):
            band[:, left : left + side] += square
        yield band[: below - top, :, :-1] / band[: below - top, :, -1:]
        above = band[below - top :]
