"""Pairs made of photographs on the way: edges, blurred and masked ones, and what they were."""

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.config import Config
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.bundled import open_bundled
from pix2pix_jax.data.sources.fitted import FittedSource
from pix2pix_jax.data.sources.folder import open_folder, open_folders
from pix2pix_jax.errors import UserError
from pix2pix_jax.tasks import TranslationTask

_HOLE_STREAM = 2  # of `order`'s streams of random numbers, 0 and 1 are others
_GRAY = 128


class Maker(Protocol):
    """Makes what is given from what is to be made."""

    channels: int

    def __call__(self, photo: NDArray[np.uint8], index: int, /) -> NDArray[np.uint8]:
        """Makes uint8 [H, W, channels] of photograph `index`, RGB, uint8 [H, W, 3]."""
        ...


@dataclass(frozen=True)
class Edges:
    """Black lines on white where Canny's detector finds edges, as in the paper's edges2shoes.

    J. Canny, "A Computational Approach to Edge Detection", PAMI 1986; scikit-image's, with its own thresholds.

    Attributes:
        sigma: width of the Gaussian filter before it, px.
    """

    sigma: float
    channels = 1

    def __call__(self, photo: NDArray[np.uint8], _index: int, /) -> NDArray[np.uint8]:
        """See `Maker`."""
        from skimage.feature import canny  # imported when asked for, since it takes a second

        luma = np.asarray(Image.fromarray(photo).convert("L")) / 255.0
        return np.where(canny(luma, self.sigma), 0, 255).astype(np.uint8)[..., None]


@dataclass(frozen=True)
class Blurred:
    """The photograph reduced (box filter) and enlarged again (bicubic).

    Attributes:
        factor: how many times smaller it was.
    """

    factor: int
    channels = 3

    def __call__(self, photo: NDArray[np.uint8], _index: int, /) -> NDArray[np.uint8]:
        """See `Maker`."""
        height, width = photo.shape[:2]
        small = (max(round(width / self.factor), 1), max(round(height / self.factor), 1))
        reduced = Image.fromarray(photo).resize(small, Image.Resampling.BOX)
        return np.asarray(reduced.resize((width, height), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Masked:
    """The photograph with a grey rectangle of its own proportions, always at the same place.

    Attributes:
        share: of the photograph's area.
    """

    share: float
    channels = 3

    def __call__(self, photo: NDArray[np.uint8], index: int, /) -> NDArray[np.uint8]:
        """See `Maker`."""
        height, width = (max(round(side * math.sqrt(self.share)), 1) for side in photo.shape[:2])
        key = np.array([index, _HOLE_STREAM], np.uint64)
        down, right = np.random.Generator(np.random.Philox(key=key)).random(2)
        top, left = int(down * (photo.shape[0] - height + 1)), int(right * (photo.shape[1] - width + 1))
        masked = photo.copy()
        masked[top : top + height, left : left + width] = _GRAY
        return masked


class MadeSource(FittedSource):
    """Pairs made of photographs, at the size that crops are cut from; see `SizedSource`.

    So lines are one pixel wide whatever the photograph's size, and what is kept decoded is the pair.
    """

    def __init__(self, photographs: ImageSource, maker: Maker, image_size: int, resize: int) -> None:
        """Takes the photographs, what makes the other image of a pair, and the sizes; see `FittedSource`.

        Raises:
            UserError: if a size is out of range.
        """
        super().__init__(photographs, image_size, resize)
        self._maker = maker
        self.max_values = self.max_values // self.channels * (maker.channels + self.channels)
        self.channels += maker.channels
        self.files: tuple[str, ...] = getattr(photographs, "files", ())  # bundled ones have none

    @property
    def name(self) -> str:
        """The photographs' name, the sizes, and what is made of them."""
        return f"{super().name}_{type(self._maker).__name__.lower()}"

    @property
    def skipped(self) -> dict[str, str]:
        """Files that were passed over, each with the reason; see `FileSource`."""
        return getattr(self._photographs, "skipped", {})

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One pair, uint8 [h, w, channels]: what was made of the photograph, then the photograph."""
        photo = super().__getitem__(index)
        return np.concatenate([self._maker(photo, index), photo], axis=-1)

    def fingerprint(self) -> str:
        """From the photographs' and what is made of them; see `ImageSource`."""
        return hashlib.sha256(f"{super().fingerprint()} {self._maker!r}".encode()).hexdigest()


def open_made_folder(config: Config, root: str, flag: str) -> MadeSource:
    """Opens all photographs of a folder as pairs for judging, in the order of their checksums.

    Args:
        config: as of `open_made`.
        root: the folder, searched with all folders within it.
        flag: the flag that gave it, for messages.

    Raises:
        UserError: as `open_made`.
    """
    photographs = open_folder(root, flag, shorter_side=config.data.resize)
    return MadeSource(photographs, _maker(config), config.image_size, config.data.resize)


def open_made(config: Config) -> tuple[MadeSource, MadeSource]:
    """Opens photographs (a folder's, or the bundled ones) as pairs.

    Args:
        config: a config whose `data.source` is "edges", "blurred" or "masked", and whose task is a `TranslationTask`.

    Returns:
        The source to train on, and the one to judge on.

    Raises:
        UserError: if a key is out of range, the task has other channels, or there are no photographs.
    """
    data, task = config.data, config.task
    assert isinstance(task, TranslationTask)
    maker = _maker(config)
    wanted = {"input_channels": maker.channels, "output_channels": 3}
    for key, channels in wanted.items():
        if getattr(task, key) != channels:
            raise UserError(
                f"config.task.{key}={getattr(task, key)}, and the pairs of data.source={data.source} have {channels}:"
                f" give --config.task.{key}={channels}"
            )
    if data.eval_root and not data.root:
        raise UserError("data.eval_root is given and data.root is not: give --config.data.root=DIR too")
    photographs = (
        open_folders(data.root, data.eval_root, data.eval_fraction, shorter_side=data.resize)
        if data.root
        else open_bundled()
    )
    train, held_out = (MadeSource(source, maker, config.image_size, data.resize) for source in photographs)
    return train, held_out


def _maker(config: Config) -> Maker:
    """What makes the other image of each pair."""
    data = config.data
    if data.source == "edges":
        return Edges(data.edge_sigma)
    if data.source == "blurred":
        return Blurred(data.blur_factor)
    return Masked(data.mask_share)
