"""How images are displayed, and how every figure is saved.

Figures use Matplotlib without pyplot, so that nothing here touches a display or another figure.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored
from pix2pix_jax.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A power of two, so that pixels / dpi * dpi gives back exactly the pixels.
DPI = 128


def displayed(images: NDArray) -> NDArray[np.uint8]:
    """Images of any number of channels as colours that a screen can show.

    One channel is shown as grey, two as red and green without blue, and of more than three the first three as red,
    green and blue.

    Args:
        images: [..., H, W, channels], uint8, uint16 or floating point in [0, 1]; what lies outside is clipped.

    Returns:
        uint8 RGB [..., H, W, 3].
    """
    shown = as_stored(images[..., :3])
    if shown.shape[-1] == 2:
        return np.concatenate([shown, np.zeros_like(shown[..., :1])], axis=-1)
    return np.broadcast_to(shown, (*shown.shape[:-1], 3))


def save_figure(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Saves a figure as a PNG file, under another name first, so that no reader sees half a file.

    Args:
        figure: The figure; it is drawn at `DPI` pixels per inch.
        path: The file; its folder is made where there is none.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)
