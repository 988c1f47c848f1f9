"""Photographs of any size as a source of the size that crops are cut from."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.data.sources.base import ImageSource, SizedSource
from pix2pix_jax.errors import UserError

# Above this many source pixels per output pixel, a box average does the first part of the reduction: several times
# faster on large photographs, and at 3 not to be told from the bicubic filter alone.
_REDUCING_GAP = 3.0

# Longer side over shorter side, beyond which both ends are cut off: a panorama must not fill the memory.
_LONGEST = 3


def fit(photo: NDArray[np.uint8], image_size: int, resize: int) -> NDArray[np.uint8]:
    """Brings a photograph to the size that crops are cut from.

    A larger one is reduced until its shorter side is `resize`. A smaller one is left as it is, and enlarged only where
    no crop would fit: made-up detail is not worth learning. What is longer than 3:1 loses both ends.

    Args:
        photo: RGB in [0, 255], uint8 [H, W, 3].
        image_size: side of the crops, px.
        resize: shorter side of a larger photograph afterwards, px; at least `image_size`.

    Returns:
        RGB in [0, 255], uint8 [h, w, 3]; min(h, w) is within [image_size, resize].
    """
    shorter = min(photo.shape[:2])
    photo = middle(photo, (min(photo.shape[0], _LONGEST * shorter), min(photo.shape[1], _LONGEST * shorter)))
    target = min(max(shorter, image_size), resize)
    if target == shorter:
        return photo
    height, width = (round(side * target / shorter) for side in photo.shape[:2])
    resized = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP)
    return np.asarray(resized)


def middle(image: NDArray, crop: tuple[int, int]) -> NDArray:
    """The middle of an image, [H, W, C]: [*crop, C], where `crop` is a height and a width of at most H and W, px."""
    height, width = crop
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


class FittedSource:
    """Photographs, each reduced so that crops can be cut from it; see `fit` and `SizedSource`."""

    channels = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, photographs: ImageSource, image_size: int, resize: int) -> None:
        """Takes the photographs and the sizes of `fit`; raises UserError if no crop fits."""
        if resize < image_size:
            raise UserError(
                f"data.resize={resize} is less than image_size={image_size}, so no crop fits: "
                f"give --config.data.resize={image_size} or more"
            )
        self._photographs, self._image_size, self._resize = photographs, image_size, resize
        self.crop = (image_size, image_size)
        self.max_values = self.channels * resize * (_LONGEST * resize + 1)

    @property
    def name(self) -> str:
        """The photographs' name, and the sizes."""
        return f"{self._photographs.name}_{self._image_size}_{self._resize}"

    def __len__(self) -> int:
        return len(self._photographs)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One photograph, RGB in [0, 255], uint8 [h, w, 3]."""
        return fit(self._photographs[index], self._image_size, self._resize)

    def fingerprint(self) -> str:
        """That of the photographs, since the sizes are in the name."""
        return self._photographs.fingerprint()

    def identity(self) -> str:
        """That of the photographs."""
        return self._photographs.identity()


def sized(source: ImageSource, image_size: int, resize: int) -> SizedSource:
    """Images of the size that crops are cut from: pairs as they are, and photographs as a `FittedSource`."""
    return source if isinstance(source, SizedSource) else FittedSource(source, image_size, resize)
