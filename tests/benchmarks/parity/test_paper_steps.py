"""Trainings of the paper's networks in JAX against the PyTorch reference: live where PyTorch is, golden values else."""

import numpy as np
import pytest
from helpers import ROOT, first_of

from benchmarks.parity import recipe
from benchmarks.parity.paper_cases import STEPS
from benchmarks.parity.paper_jax_side import penalty_shares, run_jax
from benchmarks.parity.paper_run import golden_run, gradient_scales, loss_scales


@pytest.fixture(scope="module", params=first_of(STEPS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    with np.load(ROOT / "tests" / "golden" / "paper_steps.npz") as arrays:
        return {key.removeprefix(f"{name}/"): arrays[key] for key in arrays if key.startswith(f"{name}/")}


@pytest.fixture(scope="module")
def theirs(name):
    pytest.importorskip("torch")
    from benchmarks.parity.paper_pytorch_side import run_pytorch

    return run_pytorch(name, penalty_shares())


def losses_agree(ours, theirs):
    assert set(ours) == set(theirs)
    for term, scale in loss_scales(theirs).items():
        assert ours[term].shape == (recipe.STEPS + 1,)
        np.testing.assert_allclose(ours[term][0], theirs[term][0], rtol=0, atol=1e-4 * scale, err_msg=term)
        np.testing.assert_allclose(ours[term], theirs[term], rtol=0, atol=1e-3 * scale, err_msg=term)


def test_gradients_are_the_golden_ones(name, golden):
    ours = golden_run(run_jax(name))["gradients"]
    assert ours.shape == golden["gradients"].shape
    names = sorted(run_jax(name).gradients)
    for tensor, (our_scale, *our_values), (scale, *values) in zip(names, ours, golden["gradients"], strict=True):
        np.testing.assert_allclose(our_scale, scale, rtol=1e-4, err_msg=tensor)
        assert np.linalg.norm(np.subtract(our_values, values)) <= 1e-4 * scale, tensor


def test_running_averages_are_the_golden_ones(name, golden):
    np.testing.assert_allclose(golden_run(run_jax(name))["averages"], golden["averages"], rtol=1e-5, atol=1e-6)


def test_losses_are_the_golden_ones(name, golden):
    wanted = {key.removeprefix("loss."): values for key, values in golden.items() if key.startswith("loss.")}
    losses_agree(run_jax(name).losses, wanted)


def test_gradients_agree(name, theirs):
    ours = run_jax(name).gradients
    assert set(ours) == set(theirs.gradients)
    for tensor, scale in gradient_scales(theirs.gradients).items():
        assert np.linalg.norm(ours[tensor] - theirs.gradients[tensor]) <= 1e-4 * scale, tensor


def test_running_averages_agree_after_a_step(name, theirs):
    ours = run_jax(name).averages
    assert set(ours) == set(theirs.averages)
    for tensor, average in theirs.averages.items():
        np.testing.assert_allclose(ours[tensor], average, rtol=1e-5, atol=1e-6, err_msg=tensor)


def test_losses_agree_through_ten_steps(name, theirs):
    losses_agree(run_jax(name).losses, theirs.losses)
