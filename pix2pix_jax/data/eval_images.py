"""The images a trained network is evaluated on."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.data.sources import ImageSource
from pix2pix_jax.data.sources.fitted import middle, sized
from pix2pix_jax.errors import UserError

# How many are evaluated on where the user names no number: enough for steady figures, and soon done.
_ENOUGH = 256

_THREADS = 4


def load_named_crops(source: ImageSource, image_size: int, resize: int) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Loads the middles of all photographs or pairs of a source that can be decoded; see `load_eval_images`.

    Those that cannot be decoded are warned of, and in `source.skipped` afterwards; UserError if not one can be.

    Returns:
        The paths within the folder (of a pair, its first file's; numbers where there are no files), and the crops.
    """
    return _sound(source, _crops(source, image_size, resize, len(source)))


def load_named_squares(source: ImageSource, side: int) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """As `load_named_crops`, but each photograph whole, stretched to a square of so many pixels a side."""

    def stretched(index: int) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(source[index]).resize((side, side), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(_THREADS) as pool:
        return _sound(source, np.stack(list(pool.map(stretched, range(len(source))))))


def load_eval_images(source: ImageSource, image_size: int, resize: int, count: int) -> NDArray[Any]:
    """Loads the middles of the first images of a source.

    Args:
        source: the photographs or pairs.
        image_size: side of the crops of photographs, px; pairs know their own.
        resize: shorter side of a photograph before it is cropped, px; at least `image_size`.
        count: how many; 0 for all there are, up to 256.

    Returns:
        Of photographs, RGB in [0, 255], uint8 [count, image_size, image_size, 3]; of pairs, [count, height, width,
        channels], see `SizedSource`.

    Raises:
        UserError: if there are fewer than `count`, or a size is out of range.
    """
    if len(source) < 1:
        raise UserError("there are no photographs to evaluate on; hold some out of those given")
    if not 0 <= count <= len(source):
        raise UserError(
            f"data.eval_images={count}, but {len(source)} photographs are held out: "
            f"give --config.data.eval_images=0 (all of them, up to {_ENOUGH}) to {len(source)}"
        )
    return _crops(source, image_size, resize, count or min(len(source), _ENOUGH))


def _sound(source: ImageSource, images: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Names and images without those of damaged files, for which the source gives others: none may count twice."""
    names = getattr(source, "files", ()) or tuple(map(str, range(len(source))))
    sound = [place for place, name in enumerate(names) if name not in getattr(source, "skipped", ())]
    return tuple(names[place] for place in sound), images[sound]


def _crops(source: ImageSource, image_size: int, resize: int, count: int) -> NDArray[Any]:
    images = sized(source, image_size, resize)
    with ThreadPoolExecutor(_THREADS) as pool:
        return np.stack(list(pool.map(lambda index: middle(images[index], images.crop), range(count))))
