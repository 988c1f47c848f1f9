"""The photographs a trained network is judged on."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.folder import FolderSource
from pix2pix_jax.data.transforms import center_crop, check_sizes
from pix2pix_jax.errors import UserError

# How many are judged on where the user names no number: enough for steady figures, and soon done.
_ENOUGH = 256

_THREADS = 4


def load_named_crops(source: FolderSource, image_size: int, resize: int) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Loads the middles of all photographs of a folder that can be decoded.

    Args:
        source: the photographs; those that cannot be decoded are warned of, and in `source.skipped` afterwards.
        image_size: side of the crops, px.
        resize: shorter side of a photograph before it is cropped, px; at least `image_size`.

    Returns:
        The photographs' paths within the folder, and their crops: RGB in [0, 255], uint8
        [count, image_size, image_size, 3].

    Raises:
        UserError: if not one can be decoded, or a size is out of range.
    """
    check_sizes(image_size, resize)
    crops = _crops(source, image_size, resize, len(source))
    # In place of a damaged photograph the source gives another, which must not count twice.
    sound = [place for place, name in enumerate(source.files) if name not in source.skipped]
    return tuple(source.files[place] for place in sound), crops[sound]


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
    return _crops(source, image_size, resize, count or min(len(source), _ENOUGH))


def _crops(source: ImageSource, image_size: int, resize: int, count: int) -> NDArray[np.uint8]:
    with ThreadPoolExecutor(_THREADS) as pool:
        crops = pool.map(lambda i: center_crop(source[i], image_size, resize), range(count))
        return np.stack(list(crops))
