"""The parity tests' numbers again, for where PyTorch is absent: its values were written down beforehand."""

import numpy as np
import pytest
from helpers import EXPERIMENTS, ROOT, first_of

from benchmarks.parity.jax_side import run_jax
from benchmarks.parity.run import golden_values

GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module", params=first_of(EXPERIMENTS))
def values(request):
    with np.load(GOLDEN / f"{request.param}.npz") as golden:
        return golden_values(run_jax(request.param)), dict(golden)


def of_kind(values, kind):
    """Pairs of our value and the golden one, by name."""
    ours, golden = values
    assert set(ours) == set(golden)
    return {name: (ours[name], golden[name]) for name in golden if name.split(".")[0] == kind}


@pytest.mark.parametrize("output", ["made", "colored", "real_logits", "fake_logits"])
def test_outputs(values, output):
    for ours, golden in of_kind(values, output).values():
        assert ours.shape == golden.shape
        np.testing.assert_allclose(ours, golden, rtol=0, atol=1e-5)


def test_gradients(values):
    gradients = of_kind(values, "gradient")
    assert gradients
    for name, ((our_scale, *ours), (scale, *golden)) in gradients.items():
        np.testing.assert_allclose(our_scale, scale, rtol=1e-4, err_msg=name)
        assert np.linalg.norm(np.subtract(ours, golden)) <= 1e-4 * scale, name


def test_running_averages_after_a_step(values):
    averages = of_kind(values, "average")
    assert averages
    for name, (ours, golden) in averages.items():
        np.testing.assert_allclose(ours, golden, rtol=1e-5, atol=1e-6, err_msg=name)


def test_losses(values):
    losses = of_kind(values, "loss")
    assert losses
    for name, (ours, golden) in losses.items():
        np.testing.assert_allclose(ours[0], golden[0], rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(ours, golden, rtol=1e-3, err_msg=name)
