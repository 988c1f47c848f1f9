"""The photographs that come with scikit-image: above all, that none is judged on what it taught."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pix2pix_jax.data.sources import bundled
from pix2pix_jax.data.sources.bundled import PHOTOGRAPHS, WindowSource, open_bundled
from pix2pix_jax.errors import UserError


@pytest.fixture(scope="module")
def sources() -> tuple[WindowSource, WindowSource]:
    return open_bundled()


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> tuple[WindowSource, WindowSource]:
    """The same windows of pictures whose every pixel has a value of its own."""
    count = 0

    def number_pixels(file: Path) -> np.ndarray:
        nonlocal count
        height, width = bundled.read_image(file).shape[:2]
        numbers = np.arange(count, count + height * width).reshape(height, width)
        count += height * width
        return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.uint8)

    monkeypatch.setattr(bundled, "_read", number_pixels)
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


def test_windows_are_whole_squares_of_a_modest_size(
    sources: tuple[WindowSource, WindowSource],
) -> None:
    for source in sources:
        for i in range(len(source)):
            window = source[i]
            assert window.dtype == np.uint8
            assert window.shape == (len(window), len(window), 3)
            assert 88 <= len(window) <= 260


def test_every_photograph_has_an_equal_part(sources: tuple[WindowSource, WindowSource]) -> None:
    train, held_out = sources
    assert len(train) == 1000
    assert len(held_out) == 30
    for source in sources:
        shares = [index for index, _ in source.windows]
        assert np.bincount(shares).tolist() == [len(source) // len(PHOTOGRAPHS)] * 5


def test_the_first_few_to_judge_on_show_every_photograph(
    sources: tuple[WindowSource, WindowSource],
) -> None:
    assert [index for index, _ in sources[1].windows[:5]] == [0, 1, 2, 3, 4]


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


def test_scikit_image_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"not installed: pip install scikit-image.*data.root=DIR"):
        open_bundled()


def test_scikit_image_without_the_photographs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundled, "_data_folder", lambda: tmp_path)
    with pytest.raises(UserError, match=r"no astronaut.png; install scikit-image"):
        open_bundled()
