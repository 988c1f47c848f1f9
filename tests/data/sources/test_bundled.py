"""The photographs that come with scikit-image: above all, that none is evaluated on what it taught."""

from pathlib import Path

import numpy as np
import pytest

from pix2pix_jax.data.sources import bundled
from pix2pix_jax.data.sources.bundled import PHOTOGRAPHS, WindowSource, open_bundled
from pix2pix_jax.photos import read_image


@pytest.fixture(scope="module")
def sources():
    return open_bundled()


@pytest.fixture
def labelled(monkeypatch):
    """The same windows of pictures whose every pixel has a value of its own."""
    count = 0

    def number_pixels(file: Path) -> np.ndarray:
        nonlocal count
        height, width = read_image(file).shape[:2]
        numbers = np.arange(count, count + height * width).reshape(height, width)
        count += height * width
        return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.uint8)

    monkeypatch.setattr(bundled, "read_image", number_pixels)
    return open_bundled()


def pixels_shown(source: WindowSource) -> np.ndarray:
    """Which of all numbered pixels any window shows, bool [2**24]."""
    shown = np.zeros(1 << 24, bool)
    for i in range(len(source)):
        shown[source[i].astype(int) @ [1 << 16, 1 << 8, 1]] = True
    return shown


def test_no_pixel_is_both_trained_and_evaluated_on(labelled):
    train, held_out = (pixels_shown(source) for source in labelled)
    assert train.any()
    assert held_out.any()
    assert not (train & held_out).any()


def test_every_photograph_has_an_equal_part(sources):
    train, held_out = sources
    assert len(train) == 1000
    assert len(held_out) == 30
    for source in sources:
        shares = [index for index, _ in source.windows]
        assert np.bincount(shares).tolist() == [len(source) // len(PHOTOGRAPHS)] * 5
    assert [index for index, _ in held_out.windows[:5]] == [0, 1, 2, 3, 4]
