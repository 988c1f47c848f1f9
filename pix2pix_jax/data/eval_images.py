"""The photographs a trained network is judged on."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.source import ImageSource
from pix2pix_jax.data.transforms import center_crop, check_sizes
from pix2pix_jax.errors import UserError

# How many are judged on where the user names no number: enough for steady figures, and soon done.
_ENOUGH = 256

_THREADS = 4


def load_eval_images(source: ImageSource, image_size: int, resize: int, count: int) -> NDArray[np.uint8]:
    """Loads the middles of the first photographs of a source.

    Args:
        source: the photographs.
        image_size: side of the crops, px.
        resize: shorter side of a photograph before it is cropped, px; at least `image_size`.
        count: how many; 0 for all there are, up to 256.

    Returns:
        RGB in [0, 255], uint8 [count, image_size, image_size, 3].

    Raises:
        UserError: if there are fewer than `count`, or a size is out of range.
    """
    check_sizes(image_size, resize)
    if len(source) < 1:
        raise UserError("there are no photographs to judge by; hold some out of those given")
    if not 0 <= count <= len(source):
        raise UserError(
            f"data.eval_images={count}, but {len(source)} photographs are held out: "
            f"give --config.data.eval_images=0 (all of them, up to {_ENOUGH}) to {len(source)}"
        )
    count = count or min(len(source), _ENOUGH)
    with ThreadPoolExecutor(_THREADS) as pool:
        crops = pool.map(lambda i: center_crop(source[i], image_size, resize), range(count))
        return np.stack(list(crops))
