"""How close images come to the truth, and how colourful they are.

Every measure takes images as an array [N, H, W, channels], uint8, uint16 or floating point in [0, 1], and the truth of
the same shape, and gives one value per image, float64 [N]. Those of colour take RGB. Each raises ValueError where an
array is not in its range, and `measure_each` where the shapes differ. scikit-image is imported inside the functions
that need it, since it takes over half a second, which a run that never evaluates should not pay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_unit, to_gray

Merits = Mapping[str, NDArray[np.float64]]
"""One value per image [N] of some of the `MEASURES`, by their names."""

PSNR_CAP_DB = 100.0
"""PSNR in dB given to images that equal the truth; theirs is infinite, which JSON cannot hold."""

EQUAL = 0.01
"""CIEDE2000 differences up to this are none: tables show no more digits, and the last bits of floats decide nothing."""

_SMALLEST_SIDE = 7  # of the window of SSIM, px
_CHUNK_PIXELS = 2**16  # small enough that the temporaries of CIEDE2000 stay in the processor's cache

_LAB_LOW = np.array([0, -110, -110])
_LAB_BINS = 221  # of one unit each; sRGB has a in [-86, 98] and b in [-108, 94]


def l1(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Mean absolute error over all pixels and channels of an image, in [0, 1]: black against white is 1."""
    error = np.abs(as_unit(predicted) - as_unit(truth))
    return np.asarray(np.mean(error, axis=(1, 2, 3), dtype=np.float64))


def psnr(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio over all pixels and channels of an image, in dB, at most `PSNR_CAP_DB`."""
    error = np.mean((as_unit(predicted) - as_unit(truth)) ** 2, axis=(1, 2, 3), dtype=np.float64)
    return 10.0 * np.log10(1.0 / np.maximum(error, 10.0 ** (-PSNR_CAP_DB / 10.0)))


def ssim(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Structural similarity (Wang et al., 2004), with scikit-image's 7×7 uniform window, in [-1, 1]; 1 is equal.

    The mean over channels and over all positions at which the window fits into the image.
    """
    from skimage.metrics import structural_similarity

    pairs = zip(as_unit(predicted), as_unit(truth), strict=True)
    return np.array([structural_similarity(a, b, channel_axis=-1, data_range=1.0) for a, b in pairs], np.float64)


def ciede2000(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Mean colour difference ΔE as people see it (CIEDE2000; sRGB, D65), of RGB images.

    The mean over pixels; 0 is equal, about 1 is just noticeable.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    _check_rgb(predicted)
    difference = deltaE_ciede2000(rgb2lab(as_unit(truth)), rgb2lab(as_unit(predicted)))
    return np.asarray(np.mean(difference, axis=(1, 2), dtype=np.float64))


def colorfulness(images: NDArray, *, absolute: bool = False) -> NDArray[np.float64]:
    """Colourfulness of RGB images, without a truth to compare with.

    The measure M̂(3) of Hasler and Süsstrunk, "Measuring colourfulness in natural images" (Human
    Vision and Electronic Imaging VIII, 2003): with rg = R - G and yb = (R + G) / 2 - B on values in
    [0, 255], it is hypot(std rg, std yb) + 0.3 * hypot(mean rg, mean yb). 0 is grey, about 33 "moderately" and 82
    "highly" colourful. With `absolute` it is taken of |rg| and |yb|, as DDColor's code does (Kang et al., ICCV 2023).
    """
    _check_rgb(images)
    red, green, blue = np.moveaxis(255.0 * as_unit(images), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2.0 - blue])
    opponents = np.abs(opponents) if absolute else opponents
    spread = np.hypot.reduce(np.std(opponents, axis=(2, 3), dtype=np.float64))
    return spread + 0.3 * np.hypot.reduce(np.mean(opponents, axis=(2, 3), dtype=np.float64))


class Measure(NamedTuple):
    """A measure and how it is shown.

    Attributes:
        of: its values, from images and the truth.
        heading: its name in tables and pages.
        better: "↑" where more is better, "↓" where less is, and "" where what is near the truth's is.
        digits: how many are shown after the point.
    """

    of: Callable[[NDArray, NDArray], NDArray[np.float64]]
    heading: str
    better: str
    digits: int


MEASURES = {
    "l1": Measure(l1, "L1", "↓", 4),
    "psnr": Measure(psnr, "PSNR", "↑", 2),
    "ssim": Measure(ssim, "SSIM", "↑", 3),
    "ciede2000": Measure(ciede2000, "CIEDE2000", "↓", 2),
    "colorfulness": Measure(lambda predicted, _: colorfulness(predicted), "colourfulness", "", 1),
    "ddcolor_colorfulness": Measure(
        lambda predicted, _: colorfulness(predicted, absolute=True), "DDColor's colourfulness", "", 1
    ),
}

PHOTOGRAPH_MEASURES = ("psnr", "ssim", "ciede2000", "colorfulness")
"""What coloured photographs are evaluated by."""

PAIR_MEASURES = ("l1", "psnr", "ssim")
"""What translated images, of any number of channels, are evaluated by."""


def measure_each(predicted: NDArray, truth: NDArray, names: Sequence[str]) -> Merits:
    """Evaluates images one by one.

    Args:
        predicted: images [N, H, W, channels], as every measure takes them.
        truth: images of the same shape.
        names: of the measures; `ssim` is left out where the images are smaller than its window.

    Raises:
        ValueError: The shapes differ, or an array is not a stack of images in its range.
    """
    if predicted.ndim != 4 or predicted.size == 0 or predicted.shape != truth.shape:
        raise ValueError(
            f"expected images and their truth of one shape [N, H, W, channels], got {list(predicted.shape)} and"
            f" {list(truth.shape)}"
        )
    names = [name for name in names if name != "ssim" or min(truth.shape[1:3]) >= _SMALLEST_SIDE]
    chunks = [[MEASURES[name].of(predicted[chunk], truth[chunk]) for name in names] for chunk in _chunks(truth)]
    return dict(zip(names, np.concatenate(chunks, axis=1), strict=True))


def average(each: Merits) -> dict[str, float]:
    """One figure of each measure, given by image: the mean, and of `psnr` that of the mean squared error."""
    return {
        name: psnr_of_mean_error(values) if name == "psnr" else float(values.mean()) for name, values in each.items()
    }


def psnr_of_mean_error(values: NDArray[np.float64]) -> float:
    """PSNR of the mean squared error over all images of one size, in dB, from the PSNR of each [N].

    A mean of the PSNRs themselves is decided by images that equal the truth, or nearly so: each counts four times as
    much as any other.
    """
    return float(-10.0 * np.log10(np.mean(10.0 ** (-values / 10.0))))


def gray_images(images: NDArray) -> NDArray[np.float32]:
    """The luma of RGB images as images: float32 [N, H, W, 3] in [0, 1], the three channels alike."""
    _check_rgb(images)
    return np.repeat(to_gray(as_unit(images)), 3, -1)


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
        ValueError: An array is not a stack of images in its range.
    """
    shares = [counts / counts.sum(axis=1, keepdims=True) for counts in map(_lab_counts, (made, truth))]
    values = np.minimum(*shares).sum(axis=1)
    return dict(zip(("L", "a", "b"), map(float, values), strict=True))


def _lab_counts(images: NDArray) -> NDArray[np.int64]:
    """Histograms of L, a and b over all pixels of RGB images: [3, bins]."""
    from skimage.color import rgb2lab

    counts = np.zeros((3, _LAB_BINS), np.int64)
    for chunk in _chunks(images):
        places = np.rint(rgb2lab(as_unit(images[chunk]))).astype(np.int64) - _LAB_LOW
        for channel, row in enumerate(counts):
            row += np.bincount(places[..., channel].clip(0, _LAB_BINS - 1).ravel(), minlength=_LAB_BINS)
    return counts


def _chunks(images: NDArray) -> Iterator[slice]:
    """Cuts a stack of images [N, H, W, channels] into pieces of about `_CHUNK_PIXELS` pixels."""
    count = max(1, _CHUNK_PIXELS // (images.shape[1] * images.shape[2]))
    return (slice(start, start + count) for start in range(0, len(images), count))


def _check_rgb(images: NDArray) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.size == 0:
        raise ValueError(f"expected RGB images of shape [N, H, W, 3], got {list(images.shape)}")
