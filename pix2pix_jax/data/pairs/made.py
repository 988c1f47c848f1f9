"""Pairs made of photographs on the way: edges, blurred and masked ones, and what they were."""

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.config import Config, DataConfig
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.bundled import open_bundled
from pix2pix_jax.data.sources.fitted import FittedSource
from pix2pix_jax.data.sources.folder import open_folders
from pix2pix_jax.errors import UserError
from pix2pix_jax.tasks import TranslationTask

MADE = {"edges": 1, "blurred": 3, "masked": 3}
"""The values of `data.source` that make pairs of photographs, and the channels of what they make."""

_HOLE_STREAM = 2  # of `order`'s streams of random numbers, 0 and 1 are others
_GRAY = 128


def edges(photo: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Black lines on white where Canny's detector finds edges, as in the paper's edges2shoes.

    J. Canny, "A Computational Approach to Edge Detection", PAMI 1986; scikit-image's, with its own thresholds, after a
    Gaussian filter of width `sigma`, px. From uint8 [H, W, 3] to 0 or 255, uint8 [H, W, 1].
    """
    from skimage.feature import canny  # imported when asked for, since it takes a second

    luma = np.asarray(Image.fromarray(photo).convert("L")) / 255.0
    return np.where(canny(luma, sigma), 0, 255).astype(np.uint8)[..., None]


def blurred(photo: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """A photograph, uint8 [H, W, 3], reduced by a factor (box filter) and enlarged again (bicubic)."""
    height, width = photo.shape[:2]
    small = (max(round(width / factor), 1), max(round(height / factor), 1))
    reduced = Image.fromarray(photo).resize(small, Image.Resampling.BOX)
    return np.asarray(reduced.resize((width, height), Image.Resampling.BICUBIC))


def masked(photo: NDArray[np.uint8], share: float, index: int) -> NDArray[np.uint8]:
    """A photograph, uint8 [H, W, 3], with a grey rectangle of its own proportions and a `share` of its area.

    Where that lies follows from `index`, the photograph's number.
    """
    height, width = (max(round(side * math.sqrt(share)), 1) for side in photo.shape[:2])
    key = np.array([index, _HOLE_STREAM], np.uint64)
    down, right = np.random.Generator(np.random.Philox(key=key)).random(2)
    top, left = int(down * (photo.shape[0] - height + 1)), int(right * (photo.shape[1] - width + 1))
    made = photo.copy()
    made[top : top + height, left : left + width] = _GRAY
    return made


class MadeSource(FittedSource):
    """Pairs made of photographs, at the size that crops are cut from; see `SizedSource`.

    So lines are one pixel wide whatever the photograph's size, and what is kept decoded is the pair.
    """

    def __init__(self, photographs: ImageSource, data: DataConfig, image_size: int) -> None:
        """Takes the photographs, what says how pairs are made of them, and the side of the crops, px."""
        super().__init__(photographs, image_size, data.resize)
        self._data = data
        self.max_values += self.max_values // self.channels * MADE[data.source]
        self.channels += MADE[data.source]
        self.files: tuple[str, ...] = getattr(photographs, "files", ())  # bundled ones have none
        self.root: Path = getattr(photographs, "root", Path())

    @property
    def name(self) -> str:
        """The photographs' name, the sizes, and what is made of them."""
        return f"{super().name}_{self._data.source}"

    @property
    def skipped(self) -> dict[str, str]:
        """Files that were passed over, each with the reason; see `FileSource`."""
        return getattr(self._photographs, "skipped", {})

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One pair, uint8 [h, w, channels]: what was made of the photograph, then the photograph."""
        photo, data = super().__getitem__(index), self._data
        if data.source == "edges":
            given = edges(photo, data.edge_sigma)
        elif data.source == "blurred":
            given = blurred(photo, data.blur_factor)
        else:
            given = masked(photo, data.mask_share, index)
        return np.concatenate([given, photo], axis=-1)

    def fingerprint(self) -> str:
        """From the photographs' and how pairs are made of them; see `ImageSource`."""
        data = self._data
        how = (data.source, data.edge_sigma, data.blur_factor, data.mask_share)
        return hashlib.sha256(f"{super().fingerprint()} {how}".encode()).hexdigest()


def open_made(config: Config) -> tuple[MadeSource, MadeSource]:
    """Opens photographs (a folder's, or the bundled ones) as pairs, those to train on and those to evaluate on.

    Raises:
        UserError: if the task has other channels, or there are no photographs.
    """
    data, task = config.data, config.task
    assert isinstance(task, TranslationTask)
    wanted = {"input_channels": MADE[data.source], "output_channels": 3}
    for key, channels in wanted.items():
        if getattr(task, key) != channels:
            raise UserError(
                f"config.task.{key}={getattr(task, key)}, and the pairs of data.source={data.source} have {channels}:"
                f" give --config.task.{key}={channels}"
            )
    if data.eval_root and not data.root:
        raise UserError("data.eval_root is given and data.root is not: give --config.data.root=DIR too")
    train, held_out = (
        open_folders(data.root, data.eval_root, data.eval_fraction, shorter_side=data.resize)
        if data.root
        else open_bundled()
    )
    return MadeSource(train, data, config.image_size), MadeSource(held_out, data, config.image_size)
