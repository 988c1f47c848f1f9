"""How good coloured photographs are, one by one and on the whole, beside what needs no network."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored
from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.tint import Tint, apply_tint, best_tint

Merits = dict[str, NDArray[np.float64]]
"""One value per photograph of `psnr` (dB), `ssim`, `ciede2000` (ΔE) and `colorfulness`; see `measures`."""

_PIECE = 256  # photographs coloured and measured at a time, which bounds the memory
_MEASURES = ("psnr", "ssim", "ciede2000", "colorfulness")


class Baselines(NamedTuple):
    """What needs no network.

    Attributes:
        merits: of the grey image, and of the best tints, by name.
        tints: the best tints, by the same names.
        truth_colorfulness: colourfulness of the photographs themselves [N].
    """

    merits: dict[str, Merits]
    tints: dict[str, Tint]
    truth_colorfulness: NDArray[np.float64]


def judge(make: Callable[[NDArray], NDArray], images: NDArray[np.uint8]) -> tuple[Merits, NDArray[np.uint8]]:
    """Colours photographs, and measures how near they come to the truth.

    Args:
        make: colours uint8 RGB [n, H, W, 3]; gives RGB [n, H, W, 3], floating point in [0, 1].
        images: the photographs, uint8 RGB [N, H, W, 3]; height and width at least 7.

    Returns:
        The merits; and what was made, uint8 RGB [N, H, W, 3].
    """
    merits, made = [], []
    for start in range(0, len(images), _PIECE):
        truth = images[start : start + _PIECE]
        colored = make(truth)
        merits.append(measures.measure_each(colored, truth))
        made.append(as_stored(colored))
    return {name: np.concatenate([one[name] for one in merits]) for name in _MEASURES}, np.concatenate(made)


def judge_baselines(images: NDArray[np.uint8]) -> Baselines:
    """Measures what needs no network.

    Args:
        images: the photographs, uint8 RGB [N, H, W, 3]; height and width at least 7.

    Returns:
        The baselines.
    """
    tints = {
        "best tint by CIEDE2000": best_tint(images, "ciede2000"),
        "best tint by PSNR": best_tint(images, "psnr"),
    }
    merits = {"grey image": judge(measures.gray_images, images)[0]}
    merits |= {name: judge(partial(apply_tint, tint=tint), images)[0] for name, tint in tints.items()}
    truth = [measures.colorfulness(images[start : start + _PIECE]) for start in range(0, len(images), _PIECE)]
    return Baselines(merits, tints, np.concatenate(truth))


def by_file(names: Sequence[str], measured: Mapping[str, NDArray[np.float64]]) -> list[dict[str, object]]:
    """What was measured of each image [N], for a JSON file: one object an image, in the order of the names."""
    return [
        {"file": names[place], **{name: float(values[place]) for name, values in measured.items()}}
        for place in sorted(range(len(names)), key=names.__getitem__)
    ]


def summarize(merits: Merits, truth_colorfulness: NDArray[np.float64]) -> dict[str, object]:
    """Mean and spread of merits, for a JSON file.

    Args:
        merits: of N photographs.
        truth_colorfulness: colourfulness of the photographs themselves [N].

    Returns:
        For each measure what `spread_of` gives, and `colorfulness_ratio`, that of the means; None where the photographs
        are all grey.
    """
    summary: dict[str, object] = {name: spread_of(name, values) for name, values in merits.items()}
    return summary | {"colorfulness_ratio": colorfulness_ratio(merits["colorfulness"], truth_colorfulness)}


def spread_of(measure: str, values: NDArray[np.float64]) -> dict[str, object]:
    """Mean, standard deviation, median and quartiles of a measure's values, for a JSON file.

    Of PSNR also `of_mean_error`, that of the mean squared error over all images. Its mean and standard deviation leave
    out images that equal the truth, whose PSNR is infinite, where there are others; `equal` counts those.
    """
    if measure != "psnr":
        return spread(values)
    finite = finite_psnr(values)
    own = {"mean": float(finite.mean()), "std": float(finite.std())}
    equal = int(np.sum(values >= measures.PSNR_CAP_DB))
    return spread(values) | own | {"of_mean_error": measures.psnr_of_mean_error(values), "equal": equal}


def finite_psnr(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """PSNRs without those of images that equal the truth, unless all do."""
    finite = values[values < measures.PSNR_CAP_DB]
    return finite if len(finite) else values


def spread(values: NDArray[np.float64]) -> dict[str, object]:
    """Mean, standard deviation, median and quartiles of values, for a JSON file."""
    lower, median, upper = map(float, np.percentile(values, (25, 50, 75)))
    return {"mean": float(values.mean()), "std": float(values.std()), "median": median, "quartiles": [lower, upper]}


def colorfulness_ratio(colorfulness: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    """Mean colourfulness over the truth's; None where the photographs are all grey."""
    return float(colorfulness.mean() / truth.mean()) if truth.mean() > 0 else None
