"""Photographs of any size as a source of the size that crops are cut from."""

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.data.sources.base import ImageSource, SizedSource
from pix2pix_jax.data.transforms import check_sizes, fit, max_pixels


class FittedSource:
    """Photographs, each reduced so that crops can be cut from it; see `fit` and `SizedSource`."""

    channels = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, photographs: ImageSource, image_size: int, resize: int) -> None:
        """Takes the photographs, the side of the crops (px), and what the photographs are reduced to; see `fit`.

        Raises:
            UserError: if a size is out of range.
        """
        check_sizes(image_size, resize)
        self._photographs = photographs
        self._image_size = image_size
        self._resize = resize
        self.crop = (image_size, image_size)
        self.max_values = self.channels * max_pixels(resize)

    @property
    def name(self) -> str:
        """The photographs' name, and the sizes."""
        return f"{self._photographs.name}_{self._image_size}_{self._resize}"

    def __len__(self) -> int:
        """Number of photographs."""
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
    """A source of images of the size that crops are cut from: pairs as they are, photographs brought to it.

    Args:
        source: photographs of any size, or what has a size already.
        image_size: side of the crops of photographs, px.
        resize: what photographs are reduced to; see `fit`.

    Raises:
        UserError: if a size is out of range.
    """
    return source if isinstance(source, SizedSource) else FittedSource(source, image_size, resize)
