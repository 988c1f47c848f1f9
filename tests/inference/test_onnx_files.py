"""Generators as ONNX, in onnxruntime; needs the extra `onnx`."""

import dataclasses
import subprocess
import sys

import jax
import numpy as np
import pytest
from helpers import ROOT, smooth_images
from PIL import Image
from translators import translator

from pix2pix_jax.commands.export import main
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import TrainedGenerator, load_trained
from pix2pix_jax.inference.onnx_files import export_onnx
from pix2pix_jax.state import build_model

onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.process

# Runs the script given first where there is neither JAX nor this package.
WITHOUT_JAX = """
import runpy, sys
sys.modules.update(dict.fromkeys(["jax", "jaxlib", "flax", "pix2pix_jax", "onnx", "jax2onnx"]))
del sys.argv[0]
runpy.run_path(sys.argv[0])
"""


@pytest.fixture(scope="module")
def packaged():
    return load_trained()


@pytest.fixture(scope="module")
def models(packaged):
    """The whole, and the two that it is split into."""
    return *export_onnx(packaged), *export_onnx(packaged, split=True)


def run(model, **given):
    """What a model makes, by name, in onnxruntime."""
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def photo(height, width, channels=()):
    return np.random.default_rng(0).random((1, height, width, *channels), np.float32)


def point(size):
    drawn = np.zeros((1, size, size, 3), np.float32)
    drawn[:, 40:47, 90:97] = (1.0, 0.4, -0.2)
    return drawn


def fresh(changes):
    """A generator of photographs that nobody trained."""
    config = updated(default_config(), changes)
    state = jax.jit(build_model(config, 1).init)(jax.random.key(0))
    return TrainedGenerator(config, state.generator.params, state.averages)


@pytest.mark.parametrize("points", [np.zeros((1, 160, 160, 3), np.float32), point(160)], ids=["none", "one"])
def test_the_packages_own_colours_as_in_jax_whole_or_split(packaged, models, points):
    whole, first, second = models
    pixels = (255.0 * photo(160, 160)[0]).round().astype(np.uint8)
    luma = pixels[None] / np.float32(255.0)
    wanted = packaged.make_chroma(pixels, points=points[0])
    made = run(whole, luma=luma, points=points)
    assert list(made) == ["chroma"]
    np.testing.assert_allclose(made["chroma"][0], wanted, atol=1e-5)

    begun = run(first, luma=luma)
    np.testing.assert_allclose(begun.pop("chroma")[0], packaged.make_chroma(pixels), atol=1e-5)
    assert list(begun) == ["features2", "features4", "features8", "features16", "features32", "made"]
    np.testing.assert_allclose(run(second, luma=luma, points=points, **begun)["chroma"][0], wanted, atol=1e-5)
    assert (np.abs(wanted - packaged.make_chroma(pixels)).max() > 0.01) == points.any()


def test_files_are_small_and_say_what_they_take(packaged, models):
    sizes = [len(model.SerializeToString()) / 1e6 for model in models]
    assert sizes[0] < 9.1
    assert sum(sizes[1:]) < sizes[0] + 0.4
    assert sizes[2] < 2.0
    for model in models:
        told = {entry.key: entry.value for entry in model.metadata_props}
        assert float(told.pop("saturation")) == packaged.config.saturation != 1.0
        assert set(told) == {value.name for value in (*model.graph.input, *model.graph.output)}
        assert "Cr and Cb" in told["chroma"]
        assert str(ROOT).encode() not in model.SerializeToString()


@pytest.fixture(params=["encoder", "reference", "resnet", "lab"])
def without_points(request, packaged):
    if request.param == "encoder":
        params, averages = (
            {k: v for k, v in of.items() if k != "guide"} for of in (packaged.params, packaged.averages)
        )
        return TrainedGenerator(updated(packaged.config, {"task.points": 0.0}), params, averages)
    if request.param == "reference":
        return load_trained("reference")
    rgb = {"generator.network": "resnet", "generator.blocks": 1, "generator.width": 8, "task.generator_makes": "rgb"}
    return fresh(rgb if request.param == "resnet" else {"task.kind": "lab_colorization", "average_mirrored": True})


def test_every_network_colours_as_in_jax(without_points):
    (model,) = export_onnx(without_points, (64, 96))
    pixels = (255.0 * photo(64, 96)[0]).round().astype(np.uint8)
    made = run(model, luma=pixels[None] / np.float32(255.0))["chroma"][0]
    config = updated(without_points.config, {"coloring_side": 0, "data.resize": 0})
    wanted = dataclasses.replace(without_points, config=config).make_chroma(pixels)
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_the_saturation_in_the_metadata_is_what_colours_were_multiplied_by(without_points):
    plain, strong = (export_onnx(without_points.with_saturation(factor), (128, 128))[0] for factor in (1.0, 1.5))
    factors = [float(next(e.value for e in each.metadata_props if e.key == "saturation")) for each in (plain, strong)]
    assert factors == [1.0, 1.5]
    luma = photo(128, 128)
    made = [run(model, luma=luma)["chroma"] for model in (plain, strong)]
    np.testing.assert_allclose(1.5 * made[0], made[1], atol=1e-5)


def test_dropout_is_drawn_once_for_every_photograph():
    trained = fresh({"generator.network": "unet", "generator.depth": 2, "test_time": "batch+dropout"})
    (model,) = export_onnx(trained, (32, 32))
    for luma in (photo(32, 32), photo(32, 32)[:, ::-1]):
        made, wanted = run(model, luma=luma)["chroma"], trained.apply(2.0 * luma[..., None] - 1.0)
        np.testing.assert_allclose(made, wanted / 2.0, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"test_time": "running", "generator.upsampling": "resize", "task.input_channels": 1},
        {"test_time": "batch", "generator.network": "resnet", "generator.blocks": 1, "generator.norm": "instance"},
    ],
    ids=["dropout", "resize", "resnet"],
)
def test_pairs_are_translated_as_in_jax(changes):
    trained = translator(changes)
    (model,) = export_onnx(trained)
    image = photo(32, 32, (trained.config.task.input_channels,))
    made = run(model, image=image)["translation"]
    np.testing.assert_allclose(made, (trained.apply(2.0 * image - 1.0) + 1.0) / 2.0, atol=1e-5)


def test_what_cannot_be_is_refused():
    with pytest.raises(UserError, match="divisible by 4, got 64×71"):
        export_onnx(translator(), (64, 71))
    with pytest.raises(UserError, match="no points"):
        export_onnx(translator(), split=True)


def test_the_command_and_the_example_where_jax_is_not(tmp_path, capsys):
    out, trained = tmp_path / "g.onnx", load_trained("reference")
    main(["reference", str(out), "--size", "112x128"])
    assert capsys.readouterr().out == f"wrote {out} (1.8 MB)\n"
    gray = Image.fromarray(smooth_images(1, 128)[0][:112]).convert("L")
    gray.save(tmp_path / "gray.png")
    command = [sys.executable, "-I", "-c", WITHOUT_JAX, ROOT / "examples" / "onnx_colorize.py"]
    done = subprocess.run([*command, out, "gray.png", "made.png"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    chroma = trained.make_chroma(np.asarray(gray))
    made = np.asarray(Image.open(tmp_path / "made.png").convert("YCbCr"), int)
    inside = np.abs(chroma).max(-1) < 0.1  # where no channel is clipped, rounding moves these by a level or two
    assert inside.mean() > 0.2
    np.testing.assert_allclose(made[inside][:, 2:0:-1], (127.5 + 255.0 * chroma)[inside], atol=4)
