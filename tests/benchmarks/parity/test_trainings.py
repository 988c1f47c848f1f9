"""Trainings in JAX against the PyTorch reference: live where PyTorch is, golden values where it is not."""

import numpy as np
import pytest
from helpers import ROOT, first_of

from benchmarks.parity import recipe
from benchmarks.parity.cases import EXPERIMENTS, PAIRS
from benchmarks.parity.jax_side import run_jax
from benchmarks.parity.run import golden_outputs, golden_run, gradient_scales, loss_scales


@pytest.fixture(scope="module", params=[*first_of(EXPERIMENTS), *first_of(PAIRS)])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    with np.load(ROOT / "tests" / "golden" / "trainings.npz") as arrays:
        return {key.removeprefix(f"{name}/"): arrays[key] for key in arrays if key.startswith(f"{name}/")}


@pytest.fixture(scope="module")
def theirs(name):
    pytest.importorskip("torch")
    from benchmarks.parity.pytorch_side import run_pytorch

    return run_pytorch(name)


def named(golden, kind):
    return {key.removeprefix(kind): values for key, values in golden.items() if key.startswith(kind)}


def outputs_agree(ours, theirs):
    assert set(ours) == set(theirs)
    for output, one in ours.items():
        assert one.shape == theirs[output].shape
        np.testing.assert_allclose(one, theirs[output], rtol=0, atol=1e-5, err_msg=output)


def losses_agree(ours, theirs):
    assert set(ours) == set(theirs)
    for term, scale in loss_scales(theirs).items():
        assert ours[term].shape == (recipe.STEPS + 1,)
        errors = np.abs(ours[term] - theirs[term]) / scale
        assert errors[0] <= 1e-4, term
        assert errors.max() <= 1e-3, term


def test_outputs_are_the_golden_ones(name, golden):
    outputs_agree(golden_outputs(run_jax(name).outputs), named(golden, "output."))


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
    losses_agree(run_jax(name).losses, named(golden, "loss."))


def test_outputs_agree(name, theirs):
    outputs_agree(run_jax(name).outputs, theirs.outputs)


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
