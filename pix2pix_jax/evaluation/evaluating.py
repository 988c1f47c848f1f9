"""How good coloured photographs and translated images are, one by one and on the whole, and what needs no network."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored
from pix2pix_jax.evaluation import measures
from pix2pix_jax.evaluation.measures import PHOTOGRAPH_MEASURES, Merits, measure_each
from pix2pix_jax.evaluation.tint import Tint, apply_tint, best_tint

_PIECE = 64  # images made and measured at a time, which bounds the memory


class Baselines(NamedTuple):
    """What colours photographs without a network.

    Attributes:
        merits: of the grey image, and of the best tints, by name.
        tints: the best tints, by the same names.
        truth_colorfulness: colourfulness of the photographs themselves [N].
    """

    merits: dict[str, Merits]
    tints: dict[str, Tint]
    truth_colorfulness: NDArray[np.float64]


def evaluate(
    generate: Callable[[NDArray], NDArray], inputs: NDArray, truth: NDArray, names: Sequence[str] = PHOTOGRAPH_MEASURES
) -> tuple[Merits, NDArray]:
    """Generates images, and evaluates them.

    Args:
        generate: gives the outputs for some inputs [n, H, W, channels], as every measure takes them.
        inputs: [N, H, W, channels].
        truth: [N, H, W, output channels], uint8, uint16, or floating point in [0, 1].
        names: of the measures.

    Returns:
        The merits; and the outputs, of the truth's dtype.
    """
    merits, outputs = [], np.empty_like(truth)
    for start in range(0, len(truth), _PIECE):
        piece = slice(start, start + _PIECE)
        output = generate(inputs[piece])
        merits.append(measure_each(output, truth[piece], names))
        outputs[piece] = as_stored(output, truth.dtype)
    return {name: np.concatenate([each[name] for each in merits]) for name in merits[0]}, outputs


def evaluate_baselines(images: NDArray[np.uint8]) -> Baselines:
    """Evaluates what colours photographs without a network.

    Args:
        images: the photographs, uint8 RGB [N, H, W, 3]; height and width at least 7.
    """
    tints = {"best tint by CIEDE2000": best_tint(images, "ciede2000"), "best tint by PSNR": best_tint(images, "psnr")}
    merits = {"grey image": evaluate(measures.gray_images, images, images)[0]}
    merits |= {name: evaluate(partial(apply_tint, tint=tint), images, images)[0] for name, tint in tints.items()}
    return Baselines(merits, tints, measure_each(images, images, ["colorfulness"])["colorfulness"])


def pair_baselines(inputs: NDArray, truth: NDArray) -> dict[str, NDArray]:
    """What translates images without a network.

    Args:
        inputs: [N, H, W, channels], uint8, uint16, or floating point in [0, 1].
        truth: [N, H, W, output channels], likewise.

    Returns:
        Images like the truth, by name: the input as it is, where it has one channel or as many; and two constants, the
        mean colour of the truth, and its median, of which no constant has a lower L1.
    """
    colors = np.moveaxis(truth, -1, 0).reshape(truth.shape[-1], -1)
    constants = {"mean colour": colors.mean(axis=1), "median colour": np.median(colors, axis=1)}
    if truth.dtype.kind == "u":
        constants = {name: np.rint(values) for name, values in constants.items()}
    fits = inputs.shape[-1] in (1, truth.shape[-1])
    baselines = {"input as it is": np.broadcast_to(inputs, truth.shape)} if fits else {}
    return baselines | {
        name: np.broadcast_to(values.astype(truth.dtype), truth.shape) for name, values in constants.items()
    }


def by_file(names: Sequence[str], merits: Merits) -> list[dict[str, object]]:
    """What was measured of each image [N], for a JSON file: one object an image, in the order of the names."""
    return [
        {"file": names[place], **{name: float(values[place]) for name, values in merits.items()}}
        for place in sorted(range(len(names)), key=names.__getitem__)
    ]


def summarize(merits: Merits, truth_colorfulness: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Mean, standard deviation, median and quartiles of each measure, for a JSON file.

    Of PSNR also `of_mean_error`, that of the mean squared error over all images. Its mean and standard deviation are
    those of the `countable`; `equal` counts the images that equal the truth.

    Args:
        merits: of N images.
        truth_colorfulness: colourfulness of the photographs themselves [N], for `colorfulness_ratio` and
            `colorfulness_difference`, that of the means.
    """
    summary: dict[str, Any] = {}
    for name, values in merits.items():
        counted = countable(name, values)
        lower, median, upper = map(float, np.percentile(values, (25, 50, 75)))
        spread: dict[str, Any] = {"mean": float(counted.mean()), "std": float(counted.std())}
        spread |= {"median": median, "quartiles": [lower, upper]}
        if name == "psnr":
            spread["of_mean_error"] = measures.psnr_of_mean_error(values)
            spread["equal"] = int(np.sum(values >= measures.PSNR_CAP_DB))
        summary[name] = spread
    if truth_colorfulness is not None:
        summary["colorfulness_ratio"] = colorfulness_ratio(merits["colorfulness"], truth_colorfulness)
        summary["colorfulness_difference"] = float(merits["colorfulness"].mean() - truth_colorfulness.mean())
    return summary


def ddcolor_figures(made: NDArray, truth: NDArray) -> dict[str, float]:
    """The figures of DDColor's table (Kang et al., ICCV 2023) that need no network, of RGB images [N, 256, 256, 3].

    Returns:
        `psnr`, the mean in dB; `colorfulness`, the mean of theirs, and `colorfulness_difference`, its distance from the
        truth's mean.
    """
    ours = measure_each(made, truth, ["psnr", "ddcolor_colorfulness"])
    mean = float(ours["ddcolor_colorfulness"].mean())
    wanted = measure_each(truth, truth, ["ddcolor_colorfulness"])["ddcolor_colorfulness"].mean()
    psnr = float(countable("psnr", ours["psnr"]).mean())
    return {"psnr": psnr, "colorfulness": mean, "colorfulness_difference": abs(mean - float(wanted))}


def countable(measure: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values that a mean is taken of: of PSNR not those of images that equal the truth, unless all do."""
    finite = values[values < measures.PSNR_CAP_DB] if measure == "psnr" else values
    return finite if len(finite) else values


def colorfulness_ratio(colorfulness: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    """Mean colourfulness over the truth's; None where the photographs are all grey."""
    return float(colorfulness.mean() / truth.mean()) if truth.mean() > 0 else None
