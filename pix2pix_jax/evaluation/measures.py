"""How close images come to the truth, and how colourful they are.

Every measure takes images as an array [N, H, W, channels], uint8, uint16 or floating point in [0, 1], and gives one
value per image; those of colour take RGB. scikit-image is imported inside the functions that need it, since it takes
over half a second, which a run that never evaluates should not pay.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_unit, to_gray

PSNR_CAP_DB = 100.0
"""PSNR in dB given to images that equal the truth; theirs is infinite, which JSON cannot hold."""

EQUAL = 0.01
"""CIEDE2000 differences up to this are none: tables show no more digits, and the last bits of floats decide nothing."""

SMALLEST_SIDE = 7
"""The least height and width that `ssim` takes, px: the side of its window."""

_CHUNK_PIXELS = 2**16  # small enough that the temporaries of CIEDE2000 stay in the processor's cache


def l1(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Mean absolute error over all pixels and channels of an image.

    Args:
        predicted: images [N, H, W, channels], uint8, uint16 or floating point in [0, 1].
        truth: images of the same shape.

    Returns:
        One value per image [N], in [0, 1]: black against white is 1.

    Raises:
        ValueError: The shapes differ, or an array is not a stack of images in its range.
    """
    _check_pair(predicted, truth)
    return np.asarray(np.mean(np.abs(as_unit(predicted) - as_unit(truth)), axis=(1, 2, 3), dtype=np.float64))


def psnr(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio over all pixels and channels of an image.

    Args:
        predicted: images [N, H, W, channels], uint8, uint16 or floating point in [0, 1].
        truth: images of the same shape.

    Returns:
        One value per image [N], in dB, at most `PSNR_CAP_DB`.

    Raises:
        ValueError: The shapes differ, or an array is not a stack of images in its range.
    """
    from skimage.metrics import peak_signal_noise_ratio

    _check_pair(predicted, truth)
    pairs = zip(as_unit(predicted), as_unit(truth), strict=True)
    with np.errstate(divide="ignore"):
        values = [peak_signal_noise_ratio(t, p, data_range=1.0) for p, t in pairs]
    return np.minimum(values, PSNR_CAP_DB)


def psnr_of_mean_error(values: NDArray[np.float64]) -> float:
    """PSNR of the mean squared error over all images, from the PSNR of each.

    A mean of the PSNRs themselves is decided by images that equal the truth, or nearly so: each counts four times as
    much as any other.

    Args:
        values: PSNR in dB of images of one size [N], see `psnr`.

    Returns:
        In dB, at most `PSNR_CAP_DB`.
    """
    return float(-10.0 * np.log10(np.mean(10.0 ** (-np.asarray(values, np.float64) / 10.0))))


def average(each: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """One figure of each measure, given by image: the mean, and of `psnr` that of the mean squared error."""
    return {
        name: psnr_of_mean_error(values) if name == "psnr" else float(values.mean()) for name, values in each.items()
    }


def share_nearer(figures: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """On which share of the images their CIEDE2000 [N] is lower than that of others [N], by more than `EQUAL`."""
    return float(np.mean(figures < others - EQUAL))


def ssim(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Structural similarity (Wang et al., 2004), with scikit-image's 7x7 uniform window.

    Args:
        predicted: images [N, H, W, channels], uint8, uint16 or floating point in [0, 1]; height and width at least
            `SMALLEST_SIDE`.
        truth: images of the same shape.

    Returns:
        One value per image [N], the mean over positions and channels, in [-1, 1]; 1 is equal.

    Raises:
        ValueError: The shapes differ, or an array is not a stack of images in its range or is smaller than the window.
    """
    from skimage.metrics import structural_similarity

    _check_pair(predicted, truth)
    pairs = zip(as_unit(predicted), as_unit(truth), strict=True)
    return np.array([structural_similarity(a, b, channel_axis=-1, data_range=1.0) for a, b in pairs], np.float64)


def ciede2000(predicted: NDArray, truth: NDArray) -> NDArray[np.float64]:
    """Mean colour difference ΔE as people see it (CIEDE2000; sRGB, D65).

    Args:
        predicted: RGB images [N, H, W, 3], uint8 or floating point in [0, 1].
        truth: RGB images of the same shape.

    Returns:
        One value per image [N], the mean over pixels; 0 is equal, about 1 is just noticeable.

    Raises:
        ValueError: The shapes differ, or an array is not a stack of RGB images in its range.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    _check_rgb(predicted)
    _check_pair(predicted, truth)
    difference = deltaE_ciede2000(rgb2lab(as_unit(truth)), rgb2lab(as_unit(predicted)))
    return _mean(difference)


def colorfulness(images: NDArray) -> NDArray[np.float64]:
    """Colourfulness of images, without a truth to compare with.

    The measure M̂(3) of Hasler and Süsstrunk, "Measuring colourfulness in natural images" (Human
    Vision and Electronic Imaging VIII, 2003): with rg = R - G and yb = (R + G) / 2 - B on values in
    [0, 255], it is hypot(std rg, std yb) + 0.3 * hypot(mean rg, mean yb).

    Args:
        images: RGB images [N, H, W, 3], uint8 or floating point in [0, 1].

    Returns:
        One value per image [N]: 0 for grey, about 33 for "moderately" and 82 for "highly"
        colourful.

    Raises:
        ValueError: `images` is not a stack of RGB images in its range.
    """
    _check_rgb(images)
    red, green, blue = np.moveaxis(255.0 * as_unit(images), -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2.0 - blue
    spread = np.hypot(_std(red_green), _std(yellow_blue))
    offset = np.hypot(_mean(red_green), _mean(yellow_blue))
    return spread + 0.3 * offset


def evaluate_images(predicted: NDArray, truth: NDArray) -> dict[str, float]:
    """Mean quality of predicted images.

    Args:
        predicted: RGB images [N, H, W, 3], uint8 or floating point in [0, 1]; height and width at
            least 7.
        truth: RGB images of the same shape.

    Returns:
        Means over images: `psnr` (dB, of the mean squared error over all images), `ssim`, `ciede2000` (ΔE) and
        `colorfulness` (of the predicted images).

    Raises:
        ValueError: The shapes differ, or an array is not a stack of RGB images in its range.
    """
    return average(measure_each(predicted, truth))


def measure_each(predicted: NDArray, truth: NDArray) -> dict[str, NDArray[np.float64]]:
    """Quality of each of some predicted images.

    Args:
        predicted: RGB images [N, H, W, 3], uint8 or floating point in [0, 1]; height and width at
            least 7.
        truth: RGB images of the same shape.

    Returns:
        The keys of `evaluate_images`, each with one value per image [N].

    Raises:
        ValueError: The shapes differ, or an array is not a stack of RGB images in its range.
    """
    _check_rgb(predicted)
    _check_pair(predicted, truth)
    chunks = [(psnr(p, t), ssim(p, t), ciede2000(p, t), colorfulness(p)) for p, t in chunk_pairs(predicted, truth)]
    return dict(zip(("psnr", "ssim", "ciede2000", "colorfulness"), np.concatenate(chunks, axis=1), strict=True))


def gray_baseline(truth: NDArray) -> dict[str, float]:
    """Quality of doing nothing: the luma of each image, standing in for its colours.

    Args:
        truth: RGB images [N, H, W, 3], uint8 or floating point in [0, 1]; height and width at least
            7.

    Returns:
        The same keys as `evaluate_images`; `colorfulness` is 0.

    Raises:
        ValueError: `truth` is not a stack of RGB images in its range.
    """
    return evaluate_images(gray_images(truth), truth)


def gray_images(images: NDArray) -> NDArray[np.float32]:
    """The luma of images as images.

    Args:
        images: RGB images [N, H, W, 3], uint8 or floating point in [0, 1].

    Returns:
        Float32 [N, H, W, 3] in [0, 1], the three channels alike.

    Raises:
        ValueError: `images` is not a stack of RGB images in its range.
    """
    _check_rgb(images)
    return np.repeat(to_gray(as_unit(images)), 3, -1)


def mean_colorfulness(images: NDArray) -> float:
    """Mean of `colorfulness` over images, computed in chunks.

    Args:
        images: RGB images [N, H, W, 3], uint8 or floating point in [0, 1].

    Returns:
        The mean over images.

    Raises:
        ValueError: `images` is not a stack of RGB images in its range.
    """
    _check_rgb(images)
    values = [colorfulness(chunk) for chunk, _ in chunk_pairs(images, images)]
    return float(np.concatenate(values).mean())


def _mean(planes: NDArray) -> NDArray[np.float64]:
    return np.asarray(np.mean(planes, axis=(1, 2), dtype=np.float64))


def _std(planes: NDArray) -> NDArray[np.float64]:
    return np.asarray(np.std(planes, axis=(1, 2), dtype=np.float64))


def _check_rgb(images: NDArray) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.size == 0:
        raise ValueError(f"expected RGB images of shape [N, H, W, 3], got {list(images.shape)}")


def _check_pair(predicted: NDArray, truth: NDArray) -> None:
    if predicted.ndim != 4 or predicted.size == 0:
        raise ValueError(f"expected images of shape [N, H, W, channels], got {list(predicted.shape)}")
    if predicted.shape != truth.shape:
        raise ValueError(
            f"predicted and truth must have one shape, got {list(predicted.shape)} and {list(truth.shape)}"
        )


def chunk_pairs(first: NDArray, second: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Cuts two stacks of images [N, H, W, channels] alike, into pieces of about `_CHUNK_PIXELS` pixels."""
    height, width = first.shape[1:3]
    count = max(1, _CHUNK_PIXELS // (height * width))
    for start in range(0, len(first), count):
        yield first[start : start + count], second[start : start + count]
