"""How good coloured photographs are, one by one and on the whole, beside what needs no network."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import measures
from pix2pix_jax.figures import to_bytes
from pix2pix_jax.output import Table
from pix2pix_jax.tint import Tint, apply_tint, best_tint

Merits = dict[str, NDArray[np.float64]]
"""One value per photograph of `psnr` (dB), `ssim`, `ciede2000` (ΔE) and `colorfulness`; see `measures`."""

_PIECE = 256  # photographs coloured and measured at a time, which bounds the memory
_DIGITS = {"psnr": 2, "ssim": 3, "ciede2000": 2, "colorfulness": 1}
_HEADER = ("", "PSNR, dB ↑", "SSIM ↑", "CIEDE2000 ↓", "colourfulness", "of the truth's", "nearer than grey ↑")

TABLE_NOTE = (
    "Mean ± standard deviation over the photographs. Colourfulness is best near the truth's; the ratio is that of the"
    " means. The last column: on how many of the photographs CIEDE2000 is lower than that of the grey image. The best"
    " tints are the constant (Cr, Cb) which, added to the luma of every photograph, give the lowest mean CIEDE2000 or"
    " the highest mean PSNR on these very photographs: no tint chosen beforehand can do better."
)
"""What a reader of `merits_table` has to know."""


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
        made.append(to_bytes(colored))
    return {name: np.concatenate([one[name] for one in merits]) for name in _DIGITS}, np.concatenate(made)


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


def merits_table(coloured: Mapping[str, Merits], baselines: Baselines) -> Table:
    """The merits of coloured photographs beside the baselines and the truth; `TABLE_NOTE` explains it.

    Args:
        coloured: merits by what made them.
        baselines: those of the same photographs.

    Returns:
        The table, a row for each.
    """
    gray = baselines.merits["grey image"]["ciede2000"]
    truth = baselines.truth_colorfulness
    rows = []
    for name, merits in {**coloured, **baselines.merits}.items():
        cells = [_spread(merits[measure], digits) for measure, digits in _DIGITS.items()]
        ratio = _ratio(merits["colorfulness"], truth)
        nearer = "" if name == "grey image" else f"{np.mean(merits['ciede2000'] < gray):.0%}"
        rows.append([name, *cells, "" if ratio is None else f"{ratio:.2f}", nearer])
    rows.append(["truth", "", "", "", _spread(truth, _DIGITS["colorfulness"]), "1.00", ""])
    return Table(_HEADER, rows)


def summarize(merits: Merits, truth_colorfulness: NDArray[np.float64]) -> dict[str, object]:
    """Mean and spread of merits, for a JSON file.

    Args:
        merits: of N photographs.
        truth_colorfulness: colourfulness of the photographs themselves [N].

    Returns:
        For each measure its `mean`, `std`, `median` and `quartiles`, and `colorfulness_ratio`, that of the means; None
        where the photographs are all grey.
    """
    summary: dict[str, object] = {name: spread(values) for name, values in merits.items()}
    return summary | {"colorfulness_ratio": _ratio(merits["colorfulness"], truth_colorfulness)}


def spread(values: NDArray[np.float64]) -> dict[str, object]:
    """Mean, standard deviation, median and quartiles of values, for a JSON file."""
    lower, median, upper = map(float, np.percentile(values, (25, 50, 75)))
    return {"mean": float(values.mean()), "std": float(values.std()), "median": median, "quartiles": [lower, upper]}


def _spread(values: NDArray[np.float64], digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"


def _ratio(colorfulness: NDArray[np.float64], truth: NDArray[np.float64]) -> float | None:
    return float(colorfulness.mean() / truth.mean()) if truth.mean() > 0 else None
