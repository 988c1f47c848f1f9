"""The Fréchet distances and the figures of DDColor's table that `pix2pix-evaluate` gives."""

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import frechet
from pix2pix_jax.evaluation.evaluating import ddcolor_figures
from pix2pix_jax.inference import pth_files


def distances(generated: Iterable[tuple[str, NDArray[Any]]], truth: NDArray[Any], notes: list[str]) -> dict[str, float]:
    """The Fréchet distances of RGB images by name, where there are any; adds to the notes what they are, or why not."""
    try:
        encoder = pth_files.read_encoder(frechet.VARIANT)
    except UserError as error:
        notes.append(f"There is no Fréchet distance: {error}.")
        return {}
    if len(truth) < 2:  # which have no covariance
        return {}
    notes.append(frechet.NOTE)
    return frechet.distances(generated, truth, encoder)


def in_ddcolors_table(generated: NDArray[Any], truth: NDArray[Any], notes: list[str]) -> dict[str, float]:
    """The figures of `evaluation.evaluating.ddcolor_figures`, which it prints and adds to the notes."""
    theirs = ddcolor_figures(generated, truth)
    notes.append(
        "In DDColor's table: PSNR {psnr:.2f} dB, colourfulness {colorfulness:.2f}, {colorfulness_difference:.2f} from"
        " the truth's. Their colourfulness is taken of the absolute values of both opponent colours.".format(**theirs)
    )
    print(notes[-1])
    return theirs
