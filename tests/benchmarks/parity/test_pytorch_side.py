from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from helpers import first_of

from benchmarks.parity import recipe
from benchmarks.parity.jax_side import initial_state, make_model, run_jax
from benchmarks.parity.pytorch_side import recipe_train_step, run_pytorch
from benchmarks.parity.run import gradient_scales
from benchmarks.pytorch_reference import EXPERIMENTS, Discriminator, Generator, TrainStep, make_train_step
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.networks import pytorch as convert


@pytest.fixture(scope="module", params=first_of(EXPERIMENTS))
def runs(request):
    with ThreadPoolExecutor() as pool:  # PyTorch runs while JAX compiles
        theirs = pool.submit(run_pytorch, request.param)
        return run_jax(request.param), theirs.result()


@pytest.mark.parametrize("output", ["made", "colored", "real_logits", "fake_logits"])
def test_outputs_agree(runs, output):
    ours, theirs = (run.outputs[output] for run in runs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_loss_terms_agree(runs):
    ours, theirs = (run.losses for run in runs)
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name][0], theirs[name][0], rtol=1e-4, err_msg=name)


def test_gradients_agree(runs):
    ours, theirs = (run.gradients for run in runs)
    assert set(ours) == set(theirs)
    scales = gradient_scales(theirs)
    errors = {name: np.linalg.norm(ours[name] - theirs[name]) / scales[name] for name in theirs}
    worst = max(errors, key=errors.__getitem__)
    assert errors[worst] <= 1e-4, worst


def test_running_averages_agree_after_a_step(runs):
    ours, theirs = (run.averages for run in runs)
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_losses_agree_through_ten_steps(runs):
    ours, theirs = (run.losses for run in runs)
    for name in theirs:
        assert ours[name].shape == (recipe.STEPS + 1,)
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, err_msg=name)


def test_parameter_counts():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    assert count(Generator(1, 2)) == 872_418
    assert count(Discriminator(3)) == 1_179_425


def test_state_dicts_convert_and_load_strictly():
    step = recipe_train_step("rgb_rgb_gray")
    *_, params, averages = convert.generator_from_torch(step.generator.state_dict())
    judge = convert.discriminator_from_torch(step.discriminator.state_dict()).params
    again = make_train_step("rgb_rgb_gray")
    for network, arrays in [
        (again.generator, convert.generator_to_torch(GeneratorConfig(), params, averages)),
        (again.discriminator, convert.discriminator_to_torch(DiscriminatorConfig(), judge)),
    ]:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
    for before, after in [(step.generator, again.generator), (step.discriminator, again.discriminator)]:
        for one, other in zip(before.parameters(), after.parameters(), strict=True):
            assert torch.equal(one, other)


def test_recipe_gives_both_programs_the_same_weights():
    state = initial_state(make_model("ycrcb_rgb"), seed=recipe.SEED)
    arrays = convert.generator_to_torch(GeneratorConfig(), state.generator.params, state.averages)
    for name, tensor in recipe_train_step("ycrcb_rgb").generator.state_dict().items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy(), err_msg=name)


def test_converted_weights_do_not_follow_pytorch_s_training():
    step = recipe_train_step("ycrcb_l1")
    *_, params, averages = convert.generator_from_torch(step.generator.state_dict())
    before = np.array(params["dec4"]["conv"]["bias"]), np.array(averages["enc1"]["norm"]["mean"])
    step(torch.from_numpy(recipe.photographs(0, seed=0)))
    np.testing.assert_array_equal(params["dec4"]["conv"]["bias"], before[0])
    np.testing.assert_array_equal(averages["enc1"]["norm"]["mean"], before[1])


def test_half_precision_and_device_tensors_are_refused_in_one_line():
    weights = Discriminator(3).to(torch.bfloat16).state_dict()
    with pytest.raises(convert.UserError, match=r"conv1\.conv\.weight cannot be read") as raised:
        convert.discriminator_from_torch(weights)
    assert "\n" not in str(raised.value)


def test_pytorch_step_takes_bytes_or_scaled_floats():
    images = torch.from_numpy(recipe.photographs(0, seed=0))
    scaled = images.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    from_bytes, from_floats = (recipe_train_step("ycrcb_rgb")(batch) for batch in (images, scaled))
    assert from_bytes == from_floats


def test_pytorch_step_refuses_a_discriminator_the_experiment_lacks():
    step = make_train_step("ycrcb_rgb")
    with pytest.raises(ValueError, match="ycrcb_l1"):
        TrainStep("ycrcb_l1", step.generator, step.discriminator, step.g_adam, step.d_adam)
