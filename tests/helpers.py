"""What several test files share."""

import functools
import importlib
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from pix2pix_jax.commands.config_dict import from_config_dict
from pix2pix_jax.config import Config, updated
from pix2pix_jax.state import TrainState, build_model

ROOT = Path(__file__).parent.parent

EXPERIMENTS = ("ycrcb_rgb", "ycrcb_ycrcb", "rgb_rgb_gray", "rgb_rgb", "ycrcb_l1")


def load_config(name: str, **changes: object) -> Config:
    """The config of `configs/NAME.py`, with some other values; `data__root` stands for `data.root`."""
    config = from_config_dict(importlib.import_module(f"configs.{name}").get_config())
    return updated(config, {key.replace("__", "."): value for key, value in changes.items()})


@functools.cache
def initial_state() -> TrainState:
    """A state of both networks at step 0, which most tests start from: making one takes seconds."""
    return build_model(Config(), total_steps=10).init_compiled(jax.random.key(0))


def smooth_images(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Photograph-like noise, with detail at several scales: uint8 RGB [count, side, side, 3]."""
    random = np.random.RandomState(seed)
    images = np.zeros((count, side, side, 3), np.float32)
    for cells in (2, 4, 8, side):
        # Interpolated: in flat areas, rounding would turn whole groups of activations on or off at once.
        for image, coarse in zip(images, random.uniform(-1, 1, (count, cells, cells, 3)), strict=True):
            for channel in range(3):
                plane = Image.fromarray(coarse[..., channel].astype(np.float32))
                image[..., channel] += np.asarray(plane.resize((side, side), Image.Resampling.BICUBIC)) / cells**0.5
    low, high = images.min(), images.max()
    return (255.0 * (images - low) / (high - low)).astype(np.uint8)


class Numbered:
    """A source. Photograph i: red is i throughout, green the row, blue the column; sizes differ where asked."""

    name = "numbered"

    def __init__(self, count: int, height: int = 10, width: int = 12, mixed: bool = False) -> None:
        self.count, self.height, self.width, self.mixed = count, height, width, mixed
        self.version = "1"
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        self.asked.append(index)
        height = self.height + (index % 3 if self.mixed else 0)
        width = self.width + (index % 5 if self.mixed else 0)
        photo = np.full((height, width, 3), index % 256, np.uint8)
        photo[..., 1] = np.arange(height)[:, None]
        photo[..., 2] = np.arange(width)
        return photo

    def fingerprint(self) -> str:
        return f"{self.count}-{self.version}"
