"""Folders of pairs, and what a source makes of them."""

from pathlib import Path

import numpy as np
from helpers import save_image, translation_config

from pix2pix_jax.data import make_sources
from pix2pix_jax.data.pairs.source import PairSource

SIZE = (12, 14)


def pixels(level: int, channels: int = 3, dtype: type = np.uint8, size: tuple[int, int] = SIZE) -> np.ndarray:
    """One level throughout."""
    shape = size if channels == 1 else (*size, channels)
    return np.full(shape, level, dtype)


def save_pairs(root: Path, count: int = 10, a: str = "A", b: str = "B") -> Path:
    """Pairs whose A has level i and B level 100 + i."""
    for i in range(count):
        save_image(root / a / f"{i}.png", pixels(i))
        save_image(root / b / f"{i}.bmp", pixels(100 + i))
    return root


def opened(root: Path, **changes: object) -> tuple[PairSource, PairSource]:
    train, held_out = make_sources(translation_config(root, **changes))
    assert isinstance(train, PairSource)
    assert isinstance(held_out, PairSource)
    return train, held_out


def levels(source: PairSource) -> list[list[int]]:
    """Of each pair, the level of each channel."""
    return [source[i][0, 0].tolist() for i in range(len(source))]
