"""How pairs are brought to size: the ways of the authors' code, bit for bit for 8 bits."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Preprocess:
    """What is done to the two images of a pair before the crop, and the crop.

    As `get_transform` of the authors' PyTorch code (data/base_dataset.py), whose load_size is `resize` and whose
    crop_size is `image_size`.

    Attributes:
        way: `resize_and_crop` squashes the image to `resize` × `resize`; `crop` leaves it as it is; both are cropped to
            `image_size` × `image_size`. `scale_width` makes the image `resize` wide and as high as follows, but at
            least `image_size`, and `scale_width_and_crop` crops it after that. `none` does nothing.
        resize: px.
        image_size: px.
    """

    way: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
    resize: int
    image_size: int

    @property
    def crops(self) -> bool:
        """Whether crops are cut at random; else all images of a set must come out at one size."""
        return self.way not in ("scale_width", "none")

    def for_evaluation(self) -> "Preprocess":
        """What is done to held-out pairs: as the authors test, with no more taken away than there must be."""
        return replace(self, resize=self.image_size) if self.crops else self

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, px, that an image of some height and width is brought to."""
        if self.way == "resize_and_crop":
            return self.resize, self.resize
        if self.way in ("crop", "none"):
            return height, width
        return int(max(self.resize * height / width, self.image_size)), self.resize


def resized(image: NDArray[Any], size: tuple[int, int], *, nearest: bool) -> NDArray[Any]:
    """Resizes an image to a height and width, px: [H, W, C], uint8, uint16 or float32 in [0, 1], which it stays.

    With `nearest`, only values that are there come out, as of label maps; else Pillow's bicubic filter makes others.
    """
    height, width = size
    if image.shape[:2] == size:
        return image
    sampling = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.asarray(Image.fromarray(image).resize((width, height), sampling))
    # One by one: Pillow takes a fourth channel for transparency, and has no colours of more than 8 bits.
    planes = image.transpose(2, 0, 1).astype(np.uint8 if image.dtype == np.uint8 else np.float32)
    made = np.stack([np.asarray(Image.fromarray(plane).resize((width, height), sampling)) for plane in planes], -1)
    # The filter overshoots at edges; with 8 bits, Pillow cuts that off itself.
    if image.dtype == np.float32:
        return np.clip(made, 0, 1)
    return made if image.dtype == np.uint8 else np.clip(np.rint(made), 0, 65535).astype(np.uint16)
