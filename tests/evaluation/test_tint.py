import numpy as np
import pytest
from helpers import smooth_images

from pix2pix_jax.evaluation.tint import Tint, apply_tint, best_tint


def test_a_tint_keeps_luma_and_adds_its_chroma():
    images = np.full((1, 8, 8, 3), 128, np.uint8)
    red, green, blue = apply_tint(images, Tint(0.1, -0.05))[0, 0, 0]
    luma = 128 / 255
    assert 0.299 * red + 0.587 * green + 0.114 * blue == pytest.approx(luma, abs=1e-6)
    assert red == pytest.approx(luma + 1.402 * 0.1, abs=1e-6)
    assert blue == pytest.approx(luma - 1.772 * 0.05, abs=1e-6)


@pytest.mark.parametrize("criterion", ["ciede2000", "psnr"])
def test_the_tint_of_tinted_photographs_is_found(criterion):
    gray = (smooth_images(3, 16) // 2 + 64)[..., :1].repeat(3, -1)
    tinted = apply_tint(gray, Tint(0.06, -0.08))
    assert best_tint(tinted, criterion) == pytest.approx((0.06, -0.08), abs=2e-3)


def test_a_grid_of_the_pixels_stands_for_all(monkeypatch):
    images = smooth_images(6, 48)
    whole = best_tint(images, "psnr")
    monkeypatch.setattr("pix2pix_jax.evaluation.tint._PIXELS", images[..., 0].size // 9)
    assert best_tint(images, "psnr") == pytest.approx(whole, abs=0.01)
