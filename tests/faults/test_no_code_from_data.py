"""Data are never run: nothing in the package reads pickles or evaluates text; pickles given as weights are refused."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import load_trained
from pix2pix_jax.photos import read_pixels

SOURCES = sorted([*(ROOT / "pix2pix_jax").rglob("*.py"), *(ROOT / "configs").glob("*.py"), ROOT / "train.py"])

# Modules that read pickles or run what they read.
FORBIDDEN = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "codeop"}
RUNNING = {"eval", "exec", "compile", "__import__", "execfile"}


def faults(source: str) -> Iterator[str]:
    """What in a source would run code from data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import {module}" for module in modules if module.split(".")[0] in FORBIDDEN)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in RUNNING or called.endswith(("pickle.load", "pickle.loads")):
            yield called
        if called == "torch.load" and given.get("weights_only") != "True":
            yield "torch.load without weights_only=True"
        if given.get("allow_pickle", "False") != "False":
            yield f"{called} with allow_pickle"
        if called.endswith("yaml.load") or "UnsafeLoader" in ast.unparse(node):
            yield called
        if called == "Image.open" and "formats" not in given:
            yield "Image.open of any format, and some start programs"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_runs_data(path: Path):
    assert list(faults(path.read_text(encoding="utf-8"))) == []


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (Path.touch, (self.place,))


@pytest.mark.parametrize("name", ["g.safetensors", "g.pth", "latest_net_G.pth", "g.pt"])
def test_a_pickle_for_weights_is_refused_and_not_run(tmp_path: Path, name: str):
    if name.endswith((".pth", ".pt")):
        pytest.importorskip("torch")
    (tmp_path / name).write_bytes(pickle.dumps({"weights": Trap(tmp_path / "run")}))
    with pytest.raises(UserError) as raised:
        load_trained(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_pickle_in_an_array_is_refused_and_not_run(tmp_path: Path):
    values = np.empty((2, 2), object)
    values[:] = Trap(tmp_path / "run")
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap(tmp_path / "run")))
    for name in ("a.npy", "b.npy"):
        with pytest.raises((UserError, ValueError)):
            read_pixels(tmp_path / name)
    assert not (tmp_path / "run").exists()
