import subprocess
import sys

import pytest
from helpers import ROOT

from benchmarks.timing.jax_side import make
from benchmarks.timing.rows import Job, Row
from pix2pix_jax.errors import UserError

# What the project depends on, and JAX, Flax, optax and NumPy do not.
_OTHERS = [
    "PIL",
    "matplotlib",
    "ml_collections",
    "safetensors",
    "skimage",
    "tensorboardX",
    "tensorflow_datasets",
    "tqdm",
]


@pytest.mark.process
def test_it_needs_jax_flax_optax_and_numpy_alone() -> None:
    code = f"import sys; sys.modules.update(dict.fromkeys({_OTHERS})); import benchmarks.timing.jax_side"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert process.returncode == 0, process.stderr


def test_an_unknown_experiment_is_named() -> None:
    with pytest.raises(UserError, match="ycrcb_rbg: did you mean ycrcb_rgb"):
        make(Job(Row("ours", "step"), "ycrcb_rbg", 1, 32))
