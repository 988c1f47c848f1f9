import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, save_image, smooth_images
from jax import export
from PIL import Image
from translators import save_translator, translator

from pix2pix_jax.commands.export import main
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.inference import load_trained
from pix2pix_jax.inference.export import export_generator

README = ROOT / "docs" / "colouring.md"

# Runs the script given first as a machine would that has JAX, NumPy, flatbuffers and Pillow, and nothing else of what
# this project needs.
WITHOUT_THE_PACKAGE = """
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pix2pix_jax", "flax", "optax", "orbax", "ml_collections", "safetensors"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
try:
    import pix2pix_jax
except ModuleNotFoundError:
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    sys.exit("the package is there")
"""


def run_without_the_package(folder: Path, *arguments: str) -> None:
    isolated = [sys.executable, "-I", "-c", WITHOUT_THE_PACKAGE, *arguments]
    done = subprocess.run(isolated, capture_output=True, text=True, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def file(generator_file, tmp_path_factory) -> Path:
    """The file of a generator that sees photographs of any size as they are."""
    path = tmp_path_factory.mktemp("trained") / "g.safetensors"
    dataclasses.replace(load_trained(generator_file), config=default_config()).save(path)
    return path


def run_main(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["pix2pix-export", *map(str, arguments)])
    main()


@pytest.mark.parametrize("packaged", [False, True])
def test_colors_as_the_generator_does_at_any_size(packaged, file):
    trained = load_trained(None if packaged else file)
    exported = export.deserialize(export_generator(trained).serialize())
    assert exported.platforms == ("cpu", "cuda", "tpu")
    # The package's own enlarges smaller images, and an export does not.
    for shape in [(1, 160, 192, 3)] if packaged else [(1, 16, 16, 3), (3, 48, 80, 3)]:
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        points = np.zeros(shape, np.float32)
        none = [points] if packaged else []
        np.testing.assert_allclose(exported.call(images, *none), trained.colorize(images), atol=1e-5)
        if packaged:
            points[:, 40:47, 90:97] = (1.0, 0.4, -0.2)
            colored = exported.call(images, points)
            np.testing.assert_allclose(colored, trained.colorize(images, points=points), atol=1e-5)
            assert np.abs(colored - trained.colorize(images)).max() > 0.1


@pytest.mark.parametrize(
    ("test_time", "changes"),
    [
        ("batch+dropout", {"generator.depth": 2, "generator.width": 64}),
        ("running", {"generator.depth": 2, "generator.upsampling": "resize"}),
        ("batch", {"generator.network": "resnet", "generator.blocks": 1, "generator.width": 16, "generator.depth": 8}),
    ],
)
def test_translates_as_the_generator_does(test_time, changes):
    trained = translator(changes | {"test_time": test_time})
    exported = export.deserialize(export_generator(trained).serialize())
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    np.testing.assert_allclose(exported.call(images), trained.translate(images), atol=1e-5)


def test_how_it_is_run_is_chosen(tmp_path, monkeypatch):
    save_translator(tmp_path / "g.safetensors")
    (tmp_path / "g.jax").touch()
    run_main(monkeypatch, tmp_path / "g.safetensors", "--overwrite", tmp_path / "g.jax", "--test-time", "running")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    made = export.deserialize((tmp_path / "g.jax").read_bytes()).call(images)
    np.testing.assert_allclose(made, translator({"test_time": "running"}).translate(images), atol=2e-3)  # float16


@pytest.mark.process
def test_readme_example_colors_where_the_package_is_not_installed(file, tmp_path):
    command = [sys.executable, "-m", "pix2pix_jax.commands.start", "export", file, tmp_path / "g.jax"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=README.parent)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == f"wrote {tmp_path / 'g.jax'} (1.8 MB)\n"
    # No paths of the machine that it was made on.
    assert b".py" not in (tmp_path / "g.jax").read_bytes()

    (script,) = re.findall("```python\n(.*?)```", README.read_text().split("## Export")[1].split("\n## ")[0], re.DOTALL)
    assert len(script.strip().splitlines()) <= 13
    (tmp_path / "colour.py").write_text(script)
    # At the very size that the script reduces to, so that its result can be told exactly.
    photo = Image.fromarray(smooth_images(1, 224)[0][:160])
    photo.save(tmp_path / "photo.png")
    run_without_the_package(tmp_path, "colour.py", "g.jax", "photo.png", "colored.png")

    generator = load_trained(file)
    at_that_size = dataclasses.replace(generator, config=updated(generator.config, {"coloring_side": 160}))
    made_by_g = 255 * at_that_size.colorize(np.asarray(photo)[None])[0]
    _, *chroma = Image.fromarray(made_by_g.round().astype(np.uint8)).convert("YCbCr").split()
    wanted = Image.merge("YCbCr", [photo.convert("L"), *chroma]).convert("RGB")
    # A rounding to the other side may move a channel by 1.772, and that is rounded again.
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "colored.png"), int), np.asarray(wanted, int), atol=3)


@pytest.mark.process
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_example_of_pairs_takes_8_and_16_bits(depth, tmp_path):
    trained = translator({"task.input_channels": 1, "task.output_channels": 1, "test_time": "running"})
    (tmp_path / "g.jax").write_bytes(export_generator(trained).serialize())
    text = (ROOT / "docs" / "pairs.md").read_text()
    (tmp_path / "make.py").write_text(re.findall("```python\n(import sys.*?)```", text, re.DOTALL)[0])
    image = smooth_images(1, 40)[0, :36, :, :1]
    save_image(tmp_path / "a.png", image[..., 0].astype(depth) * (257 if depth == np.uint16 else 1))
    run_without_the_package(tmp_path, "make.py", "g.jax", "a.png", "b.png")
    wanted = 255 * trained.translate(np.pad(image, [(0, 220), (0, 216), (0, 0)], "edge")[None])[0, :36, :40, 0]
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "b.png"), float), wanted, atol=1)
    assert np.ptp(wanted) > 20


@pytest.mark.parametrize(
    ("run", "out", "message"),
    [
        ("none", "g.jax", "there is no run or file"),
        (".", "g.jax", "is no run's folder"),
        ("g.jax", "g.jax", "RUN and OUT are both"),
        (None, ".", "is a folder: OUT is the file to write"),
        (None, "a file", "a file is there already: give --overwrite"),
        (None, "none/g.jax", "none/g.jax: No such file or directory"),
        (None, "none/g.safetensors", "none/g.safetensors: No such file or directory"),
        (None, "a file/g.jax", "a file/g.jax: Not a directory"),
        (None, "g" * 300, "File name too long"),
        (None, "g.onnx", r"pip install 'pix2pix-jax\[onnx\]'"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(run, out, message, file, tmp_path, monkeypatch, capsys):
    (tmp_path / "a file").touch()
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(SystemExit, match="1"):
        run_main(monkeypatch, tmp_path / run if run else file, tmp_path / out)
    assert re.fullmatch(f"error: .*{message}.*\n", capsys.readouterr().err)
    assert os.listdir(tmp_path) == ["a file"]
