"""What several test files share."""

import functools
import importlib
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import jax
import numpy as np
import pytest
import tifffile
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


def first_of(names: Iterable[str]) -> list[object]:
    """Parameters of a test: plain `pytest` takes the first of the names, `pytest -m parity` the others."""
    first, *others = names
    return [first, *(pytest.param(name, marks=pytest.mark.parity) for name in others)]


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

    def identity(self) -> str:
        return self.fingerprint()


def save_image(path: Path, pixels: np.ndarray) -> Path:
    """Saves pixels under a path whose folders are made; the extension says how, `.npy` and 16-bit PNG included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        np.save(path, pixels)
    elif suffix == ".png" and pixels.dtype == np.uint16:
        path.write_bytes(_png16(pixels))
    elif suffix in (".tif", ".tiff") and pixels.ndim == 3 and pixels.shape[-1] != 3:
        tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    elif suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
    else:
        Image.fromarray(pixels).save(path)
    return path


def _png16(pixels: np.ndarray) -> bytes:
    """A PNG file of 16 bits, uint16 [H, W] or [H, W, 1 to 4], which Pillow can write of one channel only."""
    height, width, channels = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], zlib.compress(rows))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, color: int, data: bytes, *chunks: bytes) -> bytes:
    """A PNG file that says whatever it is told to say."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def translation_config(root: Path | str = "", **changes: object) -> Config:
    """A config of pairs of 8×8 pixels cut from 10×10; `data__root` stands for `data.root`."""
    values: dict[str, object] = {"task.kind": "translation", "image_size": 8, "data.resize": 10}
    values |= {"data.source": "pairs", "data.root": str(root), "data.eval_fraction": 0.1}
    if root:
        values["data.cache_dir"] = str(Path(root).parent / "cache")
    return updated(Config(), values | {key.replace("__", "."): value for key, value in changes.items()})
