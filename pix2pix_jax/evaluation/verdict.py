"""In words, how something made stands beside what needs no network, and beside where it began."""

import math
from collections.abc import Mapping

BESIDE = {
    "gray": "grey image",
    "tint": "best tint",
    "input": "input as it is",
    "mean": "mean colour",
    "start": "beginning",
}
"""What made images are compared with, by the part of its names in the metrics, as in `eval/gray_psnr`."""

GRAY = 1.0
"""Photographs of less colourfulness hold no colour to evaluate."""

_ALIKE = 2e-3  # of a figure, a difference that decides nothing


def compared(ours: float, others: Mapping[str, float], digits: int) -> tuple[str, list[str]]:
    """Which of some figures, by name, is worse than one, of which less is better.

    Returns:
        Words such as "better than the grey image (13.1), worse than the beginning (9.8)"; and the names of the others.
    """
    words: dict[str, list[str]] = {"better than": [], "as good as": [], "worse than": []}
    for name, figure in others.items():
        alike = math.isclose(ours, figure, rel_tol=_ALIKE)
        words["as good as" if alike else "better than" if ours < figure else "worse than"].append(name)
    said = [
        f"{verdict} {' and '.join(f'the {name} ({others[name]:.{digits}f})' for name in names)}"
        for verdict, names in words.items()
        if names
    ]
    return ", ".join(said), words["as good as"] + words["worse than"]
