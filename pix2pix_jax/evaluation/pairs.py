"""How near made images come to the truth of pairs, one by one and on the whole, beside what needs no network."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored, as_unit
from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.judging import spread_of

_PIECE = 64  # pairs translated and measured at a time, which bounds the memory

_LAB_LOW = np.array([0, -110, -110])
_LAB_BINS = 221  # of one unit each; sRGB has a in [-86, 98] and b in [-108, 94]


class PairMerits(NamedTuple):
    """How near some images come to the truth.

    Attributes:
        each: one value per image [N], see `measure_pairs`.
        lab: see `lab_intersection`; None where images are not RGB.
    """

    each: dict[str, NDArray[np.float64]]
    lab: dict[str, float] | None

    def summary(self) -> dict[str, object]:
        """Mean and spread of each measure, and `lab_intersection` where there is one, for a JSON file."""
        summary: dict[str, object] = {name: spread_of(name, values) for name, values in self.each.items()}
        return summary | ({"lab_intersection": self.lab} if self.lab else {})


def measure_pairs(made: NDArray, truth: NDArray) -> dict[str, NDArray[np.float64]]:
    """Measures how near images come to the truth.

    Args:
        made: images [N, H, W, channels], with any number of channels; uint8, uint16 or floating point in [0, 1].
        truth: images of the same shape.

    Returns:
        One value per image [N]: `l1`, the mean absolute error in [0, 1]; `psnr` in dB; `ssim`, missing where height or
        width is below `measures.SMALLEST_SIDE`.

    Raises:
        ValueError: if the shapes differ, or an array is not a stack of images in its range.
    """
    chosen = {"l1": measures.l1, "psnr": measures.psnr, "ssim": measures.ssim}
    if min(truth.shape[1:3]) < measures.SMALLEST_SIDE:
        del chosen["ssim"]
    chunks = [[measure(*chunk) for measure in chosen.values()] for chunk in measures.chunk_pairs(made, truth)]
    return dict(zip(chosen, np.concatenate(chunks, axis=1), strict=True))


def lab_intersection(made: NDArray, truth: NDArray) -> dict[str, float]:
    """How alike the colours of two sets of images are distributed: the paper's histogram intersection (Figure 7).

    A histogram counts all pixels of all images, and is divided by their number (junyanz in phillipi/pix2pix#164). The
    intersection is the sum of the lower of both over the bins. The paper does not say how wide its bins are. Here they
    have one unit of L, a or b, with one of them around 0. Wider bins give higher values.

    Args:
        made: RGB images [N, H, W, 3], uint8, uint16 or floating point in [0, 1].
        truth: likewise; their number and size may be others.

    Returns:
        The intersections for `L`, `a` and `b`, in [0, 1]; 1 where the distributions are equal.

    Raises:
        ValueError: if an array is not a stack of images in its range.
    """
    shares = [counts / counts.sum(axis=1, keepdims=True) for counts in map(_lab_counts, (made, truth))]
    values = np.minimum(*shares).sum(axis=1)
    return dict(zip(("L", "a", "b"), map(float, values), strict=True))


def _lab_counts(images: NDArray) -> NDArray[np.int64]:
    """Histograms of L, a and b over all pixels of RGB images: [3, bins]."""
    from skimage.color import rgb2lab

    counts = np.zeros((3, _LAB_BINS), np.int64)
    for chunk, _ in measures.chunk_pairs(images, images):
        places = np.rint(rgb2lab(as_unit(chunk))).astype(np.int64) - _LAB_LOW
        for channel, row in enumerate(counts):
            row += np.bincount(places[..., channel].clip(0, _LAB_BINS - 1).ravel(), minlength=_LAB_BINS)
    return counts


def judge_pairs(make: Callable[[NDArray], NDArray], inputs: NDArray, truth: NDArray) -> tuple[PairMerits, NDArray]:
    """Translates images, and measures how near they come to the truth.

    Args:
        make: translates [n, H, W, channels]; gives [n, H, W, output channels], floating point in [0, 1].
        inputs: what is given, [N, H, W, channels].
        truth: [N, H, W, output channels], uint8, uint16, or floating point in [0, 1].

    Returns:
        The merits; and what was made, of the truth's dtype, in which it is measured.
    """
    made = np.empty_like(truth)
    for piece in _pieces(len(truth)):
        made[piece] = as_stored(make(inputs[piece]), truth.dtype)
    return _merits(made, truth), made


def judge_pair_baselines(inputs: NDArray, truth: NDArray) -> dict[str, PairMerits]:
    """Measures what needs no network.

    Args:
        inputs: what is given, [N, H, W, channels], uint8, uint16, or floating point in [0, 1].
        truth: [N, H, W, output channels], likewise.

    Returns:
        The merits of the input as it is, where it has as many channels as the truth; and of two constant images: the
        mean colour of the truth, and its median, of which no constant has a lower L1.
    """
    colors = np.moveaxis(truth, -1, 0).reshape(truth.shape[-1], -1)
    constants = {"mean colour": colors.mean(axis=1), "median colour": np.median(colors, axis=1)}
    baselines = {}
    if inputs.shape == truth.shape:
        baselines["input as it is"] = _merits(inputs, truth)
    for name, values in constants.items():
        if truth.dtype.kind == "u":
            values = np.rint(values)
        baselines[name] = _merits(np.broadcast_to(values.astype(truth.dtype), truth.shape), truth)
    return baselines


def _merits(made: NDArray, truth: NDArray) -> PairMerits:
    return PairMerits(measure_pairs(made, truth), lab_intersection(made, truth) if truth.shape[-1] == 3 else None)


def _pieces(count: int) -> Iterator[slice]:
    for start in range(0, count, _PIECE):
        yield slice(start, start + _PIECE)
