"""What every source of images looks like from outside."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class ImageSource(Protocol):
    """Random access to colour photographs, or, as a `SizedSource`, to other images.

    A source draws nothing at random and keeps no position: `source[i]` gives the same pixels whenever and in whatever
    order it is asked for, also by several threads at once.
    """

    @property
    def name(self) -> str:
        """What to call it: a few characters that can be part of a file's name."""
        ...

    def __len__(self) -> int:
        """Number of photographs."""
        ...

    def __getitem__(self, index: int, /) -> NDArray[Any]:
        """One photograph: RGB in [0, 255], uint8 [H, W, 3], of its own size; IndexError if there is none."""
        ...

    def fingerprint(self) -> str:
        """Hexadecimal digits that are others once any photograph, or their order, may have changed."""
        ...

    def identity(self) -> str:
        """As `fingerprint`, but the same wherever the photographs lie and whenever they were copied there."""
        ...


@runtime_checkable
class SizedSource(ImageSource, Protocol):
    """Random access to images, or pairs of them, that are already of the size that crops are cut from.

    A pair is one image: the channels of the input, then of the output. So whatever cuts or mirrors it does
    so alike for both. An image here is [H, W, channels], of `dtype`, with H and W at least those of `crop`.

    Attributes:
        channels: channels of every image.
        dtype: uint8, uint16 or float32 (in [0, 1]), the same for every image.
        crop: height and width of the crops, px.
        max_values: the most values (height × width × channels) that an image has.
    """

    channels: int
    dtype: np.dtype
    crop: tuple[int, int]
    max_values: int
