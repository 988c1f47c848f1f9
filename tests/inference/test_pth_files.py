"""Files of the authors' PyTorch code as checkpoints; those that PyTorch itself has made are in benchmarks/parity."""

import dataclasses
import pickle

import jax
import numpy as np
import pytest
from translators import translator

from pix2pix_jax.commands import export
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import TrainedGenerator, load_trained
from pix2pix_jax.state import build_model
from pix2pix_jax.training.warm_start import load_beginning

torch = pytest.importorskip("torch")

PAIRS = translator(
    {
        "task.input_channels": 4,
        "generator.depth": 3,
        "generator.width": 4,
        "generator.dropout_at": "above_innermost",
        "discriminator.network": "patchgan",
    }
).config


def trained_of(config):
    shapes = jax.eval_shape(build_model(config, 1).init, jax.random.key(0)).trained
    random = np.random.default_rng(0)
    filled = jax.tree.map(lambda leaf: random.uniform(0.1, 0.3, leaf.shape).astype(np.float32), shapes)
    return TrainedGenerator(config, filled.params, filled.averages)


def test_a_saved_generator_is_found_and_does_the_same(tmp_path, caplog):
    trained = trained_of(PAIRS)
    trained.save(tmp_path / "latest_net_G.pth")
    found = load_trained(tmp_path / "latest_net_G.pth")
    assert "unet of 3 levels, width 4, batch norm, 4 to 3 channels" in caplog.text
    assert (found.config.task, found.config.generator) == (PAIRS.task, PAIRS.generator)
    assert found.config.test_time == "batch+dropout"
    image = np.random.default_rng(1).uniform(0, 1, (1, 16, 8, 4)).astype(np.float32)
    np.testing.assert_array_equal(found.translate(image, seed=2), trained.translate(image, seed=2))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"generator.depth": 7}, "--netG unet_128 --ngf 4 --norm batch (its dropout was in other layers than theirs)"),
        ({"generator.depth": 7, "generator.dropout": 0.0}, "--netG unet_128 --ngf 4 --norm batch --no_dropout"),
        ({}, "their code has no --netG for a U-Net of 3 levels"),
    ],
)
def test_an_export_says_what_their_code_needs(changes, wanted, tmp_path, monkeypatch, capsys):
    trained_of(updated(PAIRS, {"generator.dropout_at": "innermost"} | changes)).save(tmp_path / "g.safetensors")
    monkeypatch.setattr("sys.argv", ["pix2pix-export", str(tmp_path / "g.safetensors"), str(tmp_path / "G.PTH")])
    export.main()
    assert wanted in capsys.readouterr().out
    assert load_trained(tmp_path / "G.PTH").config.generator.width == 4


def test_one_that_makes_ab_colours_photographs(tmp_path, caplog):
    config = updated(PAIRS, {"task.kind": "lab_colorization", "test_time": "running"})
    trained_of(config).save(tmp_path / "colour.pth")
    found = load_trained(tmp_path / "colour.pth")
    assert "colours photographs in Lab" in caplog.text
    assert found.colorize(np.full((1, 16, 16, 3), 90, np.uint8)).shape == (1, 16, 16, 3)


def test_a_run_can_begin_with_one(tmp_path):
    trained = trained_of(PAIRS)
    trained.save(tmp_path / "g.pth")
    config = dataclasses.replace(PAIRS, warm_start=str(tmp_path / "g.pth"))
    begin = load_beginning(config)
    assert begin is not None
    state = begin(build_model(config, 1).init_compiled(jax.random.key(0)))
    jax.tree.map(np.testing.assert_array_equal, state.generator.params, trained.params)
    for changes, difference in (
        ({"generator.depth": 4}, "has depth 3, and this config's has depth 4"),
        ({"task.input_channels": 1}, "is given 4 channels, and this config's is given 1 channels"),
    ):
        with pytest.raises(UserError, match=rf"g\.pth is of another architecture: its generator {difference}"):
            load_beginning(updated(config, changes))


@pytest.mark.parametrize("nest", [("state_dict",), ("model",), ("netG",), ("netG", "state_dict")])
def test_checkpoints_of_training_scripts_hold_a_generator_in_them(nest, tmp_path):
    trained = trained_of(PAIRS)
    trained.save(tmp_path / "g.pth")
    state_dict = torch.load(tmp_path / "g.pth", weights_only=True)
    held = {name: torch.nn.Parameter(t) if t.is_floating_point() else t for name, t in state_dict.items()}
    for key in reversed(nest):
        held = {"epoch": 3, key: held}
    torch.save(held, tmp_path / "nested.pth")
    found = load_trained(tmp_path / "nested.pth")
    jax.tree.map(np.testing.assert_array_equal, found.params, trained.params)


@pytest.mark.parametrize("makes", ["chroma", "rgb"])
def test_the_references_generators_are_read_too(makes, tmp_path):
    trained = trained_of(updated(default_config(), {"task.generator_makes": makes}))
    trained.save(tmp_path / "reference.pth")
    found = load_trained(tmp_path / "reference.pth")
    assert (found.config.task, found.config.generator) == (trained.config.task, trained.config.generator)
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 32, 3), np.uint8)
    np.testing.assert_array_equal(found.colorize(images), trained.colorize(images))


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('code from a pickle was run')",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"no weights"), "cannot be read as weights of PyTorch"),
        (lambda path: path.write_bytes(pickle.dumps({"a": Bomb()})), "cannot be read as weights of PyTorch"),
        (lambda path: torch.save({"a": Bomb()}, path), r"holds more than tensors: save the network's state_dict\(\)"),
        (lambda path: torch.save({"model.0.weight": torch.zeros(8, 6, 4, 4)}, path), "it holds a discriminator"),
        (lambda path: torch.save([1, 2], path), "holds no state dict"),
        (lambda path: torch.save({"a.weight": torch.zeros(3)}, path), r"no known generator begins with a\.weight"),
        (lambda path: torch.save({"a.weight": torch.tensor(float("nan"))}, path), r"a\.weight .*NaN"),
        (lambda path: torch.save({"a.weight": torch.zeros(0, 3)}, path), r"a\.weight has no values"),
        (lambda path: torch.save({"a.weight": torch.zeros(3, dtype=torch.complex64)}, path), r"a\.weight .*complex"),
        (lambda path: torch.save({"a.weight": torch.eye(3).to_sparse()}, path), r"a\.weight cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read as weights of PyTorch"),
        # One value on the disk, 4 TB in memory.
        (lambda path: torch.save({"a.weight": torch.zeros(1).expand(10**6, 10**6)}, path), "4,000,000,000,000 bytes"),
        (lambda path: torch.save({"model.model.0.weight": torch.tensor(1.0)}, path), r"0\.weight .*\[\]"),
    ],
)
def test_what_is_no_generator_is_refused_in_one_line(write, message, tmp_path):
    write(tmp_path / "bad.pth")
    with pytest.raises(UserError, match=message) as caught:
        load_trained(tmp_path / "bad.pth")
    assert "bad.pth" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pytorch_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    (tmp_path / "g.pth").write_bytes(b"")
    with pytest.raises(UserError, match="pip install torch"):
        load_trained(tmp_path / "g.pth")
