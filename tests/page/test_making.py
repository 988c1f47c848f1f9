"""What the page makes is what the commands make, byte by byte."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers import save_image, smooth_images
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import colorize, translate
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import generate, load_trained
from pix2pix_jax.inference.generator import compiled
from pix2pix_jax.page.examples import write_examples
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


def test_large_photographs_are_shown_smaller_and_written_whole(maker, tmp_path):
    Image.new("L", (4000, 300), 90).save(tmp_path / "a.png")
    made = maker.make(tmp_path / "a.png", tmp_path / "made", 1.0)
    with Image.open(made.after) as shown, Image.open(made.target) as written:
        assert (shown.size, written.size, made.size) == ((1600, 120), (4000, 300), (4000, 300))


def test_what_cannot_be_read(maker, tmp_path):
    (tmp_path / "a.jpg").write_text("not an image")
    with pytest.raises(UserError, match=r"a\.jpg cannot be read"):
        maker.make(tmp_path / "a.jpg", tmp_path / "made", 1.0)


def test_translating(tmp_path):
    file = save_translator(tmp_path / "g.safetensors")
    maker = Maker(load_trained(file), tile=32)
    assert maker.translates
    given = save_image(tmp_path / "a.png", smooth_images(1, 40)[0])
    made = maker.make(given, tmp_path / "page", maker.strength)
    flags = ["--checkpoint", str(file), "--tile", "32", "--out", str(tmp_path / "command")]
    assert translate.main([str(given), *flags]) == 0
    assert made.target.read_bytes() == (tmp_path / "command/a.png").read_bytes()


def test_strengths_share_one_program(generator_file, tmp_path):
    maker = Maker(load_trained(generator_file), tile=1024)
    maker.warm_up(tmp_path)
    program = compiled(generate.make_chroma, dataclasses.replace(maker.generator.config, saturation=1.0))
    size = program._cache_size()
    assert size
    maker.make(save_image(tmp_path / "a.png", PHOTO), tmp_path / "bold", 0.7)
    assert program._cache_size() == size


def test_examples_are_grey(tmp_path):
    examples = write_examples(tmp_path)
    assert [path.name for path in examples] == ["cat.png", "coffee.png", "camera.png"]
    for path in examples:
        with Image.open(path) as image:
            assert image.mode == "L"
