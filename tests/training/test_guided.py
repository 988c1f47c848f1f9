"""Training with points of colour."""

import dataclasses

import jax
import numpy as np
import pytest
from helpers import load_config, smooth_images

from pix2pix_jax.config import validate
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import load_trained
from pix2pix_jax.state import build_model
from pix2pix_jax.step import keys, train_step
from pix2pix_jax.training.warm_start import load_beginning

IMAGES = smooth_images(4, 64)


def stepped(config, state=None):
    """The state before and after a step, and the loss."""
    model = build_model(dataclasses.replace(config, sync_batch_norm=False), total_steps=10)
    state = state or model.init_compiled(jax.random.key(0))
    after, metrics = jax.jit(lambda state: train_step(model, state, IMAGES))(state)
    return state, after, float(metrics["g_loss"])


@pytest.fixture(scope="module")
def without_guide(tmp_path_factory):
    """The package's generator as it was before it followed points, and its file."""
    packaged = load_trained()
    params, averages = (
        {name: tree for name, tree in whole.items() if name != "guide"}
        for whole in (packaged.params, packaged.averages)
    )
    generator = type(packaged)(load_config("pretrained_encoder"), params, averages)
    file = tmp_path_factory.mktemp("generator") / "without.safetensors"
    generator.save(file)
    return generator, file


@pytest.fixture(scope="module")
def guided(without_guide):
    config = load_config("guided", warm_start=str(without_guide[1]))
    begin = load_beginning(config)
    assert begin is not None
    return config, begin(build_model(config, total_steps=10).init_compiled(jax.random.key(0)))


def test_guided_begins_as_the_way_up_and_only_its_guide_moves(guided, without_guide):
    config, state = guided
    packaged = without_guide[0]
    for name in ("up8", "block2", "last"):
        np.testing.assert_array_equal(
            *(jax.tree.leaves(p[name])[0] for p in (state.generator.params["guide"], packaged.params))
        )
    _, after, _ = stepped(config, state)
    for name, tree in after.generator.params.items():
        before = state.generator.params[name]
        moved = not jax.tree.all(jax.tree.map(np.array_equal, tree, before))
        assert moved == (name == "guide"), name
    for name, tree in after.averages.items():
        assert name == "guide" or jax.tree.all(jax.tree.map(np.array_equal, tree, packaged.averages[name])), name


def test_a_generator_that_has_a_guide_keeps_it(guided, tmp_path):
    config, _ = guided
    packaged = load_trained()
    params = packaged.params | {"guide": jax.tree.map(lambda leaf: leaf + 1, guided[1].generator.params["guide"])}
    averages = packaged.averages | {"guide": guided[1].averages["guide"]}
    trained = type(packaged)(config, params, averages)
    trained.save(tmp_path / "guided.safetensors")
    begin = load_beginning(load_config("guided", warm_start=str(tmp_path / "guided.safetensors")))
    begun = begin(guided[1]).generator.params["guide"]["last"]["conv"]["bias"]
    np.testing.assert_array_equal(begun, params["guide"]["last"]["conv"]["bias"])
    # And one that takes no points leaves it.
    plain = load_config("pretrained_encoder", warm_start=str(tmp_path / "guided.safetensors"))
    state = build_model(plain, total_steps=10).init_compiled(jax.random.key(0))
    assert "guide" not in load_beginning(plain)(state).generator.params


def test_other_networks_see_points_as_further_channels():
    config = load_config("ycrcb_l1", image_size=64, batch_size=4, task__points=3.0, adam__learning_rate=0.01)
    validate(config, 1)
    before, after, loss = stepped(config)
    kernels = [state.generator.params["enc1"]["conv"]["kernel"] for state in (before, after)]
    assert kernels[0].shape[2] == 4
    assert np.isfinite(loss)
    assert (np.abs(kernels[1] - kernels[0]).max((0, 1, 3)) > 1e-3).all()


def test_points_follow_from_seed_and_step():
    task = load_config("ycrcb_l1", task__points=3.0).task
    luma, truth = task.example(IMAGES)

    def drawn(seed, number):
        return np.asarray(task.with_points(luma, truth, keys(seed, number).points))

    np.testing.assert_array_equal(drawn(0, 3), drawn(0, 3))
    assert np.any(drawn(0, 3) != drawn(1, 3))
    assert np.any(drawn(0, 3) != drawn(0, 4))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"task__points": 0.5}, "task.points"),
        ({"task__points": 101.0}, "task.points"),
        ({"warm_start": ""}, "warm_start"),
        ({"task__generator_makes": "rgb"}, "generator_makes"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes, named):
    with pytest.raises(UserError, match=named):
        validate(load_config("guided", **changes), 1)
