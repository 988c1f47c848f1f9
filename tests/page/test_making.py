"""What the page makes is what the commands make, byte by byte."""

from pathlib import Path

import numpy as np
import pytest
from helpers import save_image, smooth_images
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import colorize, translate
from pix2pix_jax.inference import load_trained
from pix2pix_jax.page.making import Maker

PHOTO = smooth_images(1, 40, seed=2)[0][:30]


@pytest.fixture(scope="module")
def maker(generator_file: Path) -> Maker:
    return Maker(load_trained(generator_file), tile=1024)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.tif"])
def test_colouring(maker, generator_file, tmp_path, name):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    Image.fromarray(PHOTO).convert("L").save(tmp_path / name, exif=exif, dpi=(300, 300))
    for strength in (maker.strength, 0.3):
        made = maker.make(tmp_path / name, tmp_path / f"page{strength}", strength)
        flags = ["--saturation", str(strength), "--out", str(tmp_path / f"command{strength}")]
        assert colorize.main([str(tmp_path / name), "--checkpoint", str(generator_file), *flags]) == 0
        assert made.target.read_bytes() == (tmp_path / f"command{strength}" / made.target.name).read_bytes()
        assert made.size == (40, 30)
        with Image.open(made.before) as before, Image.open(made.after) as after:
            assert (before.mode, after.mode, before.size) == ("L", "RGB", (40, 30))
    assert [note[:16] for note in made.notes] == (["written as a.png"] if name == "a.gif" else [])


def test_transparency_is_shown(maker, tmp_path):
    alpha = np.resize(np.arange(256, dtype=np.uint8), PHOTO.shape[:2])
    made = maker.make(save_image(tmp_path / "a.png", np.dstack([PHOTO, alpha])), tmp_path / "made", 1.0)
    for picture in (made.before, made.after, made.target):
        with Image.open(picture) as image:
            np.testing.assert_array_equal(np.asarray(image.getchannel("A")), alpha)


def test_translating(tmp_path):
    file = save_translator(tmp_path / "g.safetensors")
    maker = Maker(load_trained(file), tile=32)
    assert maker.translates
    given = save_image(tmp_path / "a.png", smooth_images(1, 40)[0])
    made = maker.make(given, tmp_path / "page", maker.strength)
    flags = ["--checkpoint", str(file), "--tile", "32", "--out", str(tmp_path / "command")]
    assert translate.main([str(given), *flags]) == 0
    assert made.target.read_bytes() == (tmp_path / "command/a.png").read_bytes()
