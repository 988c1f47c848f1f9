"""Data are never run: pickles given as weights or arrays are refused. (Ruff finds what reads pickles.)"""

import pickle
from pathlib import Path

import numpy as np
import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import load_trained
from pix2pix_jax.photos import read_pixels


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (Path.touch, (self.place,))


@pytest.mark.parametrize("name", ["g.safetensors", "g.pth", "latest_net_G.pth", "g.pt"])
def test_a_pickle_for_weights_is_refused_and_not_run(tmp_path, name):
    if name.endswith((".pth", ".pt")):
        pytest.importorskip("torch")
    (tmp_path / name).write_bytes(pickle.dumps({"weights": Trap(tmp_path / "run")}))
    with pytest.raises(UserError) as raised:
        load_trained(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_pickle_in_an_array_is_refused_and_not_run(tmp_path):
    values = np.empty((2, 2), object)
    values[:] = Trap(tmp_path / "run")
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap(tmp_path / "run")))
    for name in ("a.npy", "b.npy"):
        with pytest.raises((UserError, ValueError)):
            read_pixels(tmp_path / name)
    assert not (tmp_path / "run").exists()
