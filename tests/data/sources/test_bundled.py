"""The photographs that come with scikit-image: above all, that none is judged on what it taught."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_jax.data.sources import bundled
from pix2pix_jax.data.sources.bundled import PHOTOGRAPHS, WindowSource, open_bundled
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import read_image


@pytest.fixture(scope="module")
def sources() -> tuple[WindowSource, WindowSource]:
    return open_bundled()


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> tuple[WindowSource, WindowSource]:
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


def test_no_pixel_is_both_trained_and_judged_on(
    labelled: tuple[WindowSource, WindowSource],
) -> None:
    train, held_out = (pixels_shown(source) for source in labelled)
    assert train.any()
    assert held_out.any()
    assert not (train & held_out).any()


def test_every_photograph_has_an_equal_part(sources: tuple[WindowSource, WindowSource]) -> None:
    train, held_out = sources
    assert len(train) == 1000
    assert len(held_out) == 30
    for source in sources:
        shares = [index for index, _ in source.windows]
        assert np.bincount(shares).tolist() == [len(source) // len(PHOTOGRAPHS)] * 5
    assert [index for index, _ in held_out.windows[:5]] == [0, 1, 2, 3, 4]


def test_training_shows_most_of_the_rest(labelled: tuple[WindowSource, WindowSource]) -> None:
    shown = np.count_nonzero(pixels_shown(labelled[0]))
    all_pixels = sum(photograph.size // 3 for photograph in labelled[0].photographs)
    held_out = sum(
        (right - left) * (bottom - top)
        for left, top, right, bottom in (photograph.held_out for photograph in PHOTOGRAPHS)
    )
    assert shown > 0.8 * (all_pixels - held_out)


def test_windows_are_the_same_every_time(sources: tuple[WindowSource, WindowSource]) -> None:
    assert [source.fingerprint() for source in open_bundled()] == [source.fingerprint() for source in sources]


@pytest.mark.process
def test_neither_scikit_image_nor_anything_else_heavy_is_imported() -> None:
    code = (
        "import sys; import pix2pix_jax.data as data; "
        "heavy = ('skimage', 'scipy', 'tensorflow', 'matplotlib'); "
        "assert not [name for name in heavy if name in sys.modules]; "
        "data.sources.open_bundled(); "
        "assert not [name for name in heavy if name in sys.modules]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("folder", ["", "empty"])
def test_scikit_image_lacks_the_photographs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str) -> None:
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py")) if folder else None
    monkeypatch.setattr(bundled, "find_spec", lambda name: found)
    with pytest.raises(UserError, match=r'no astronaut.png: pip install "scikit-image.*data.root=DIR'):
        open_bundled()
