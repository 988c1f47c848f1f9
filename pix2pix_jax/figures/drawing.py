"""How images are displayed."""

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored


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
