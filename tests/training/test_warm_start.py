import jax
import numpy as np
import pytest
from encoders import efficientnet_state_dict
from helpers import smooth_images

from pix2pix_jax.config import Config, experiment_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import TrainedGenerator, load_trained
from pix2pix_jax.networks.efficientnet.weights import encoder_from_pytorch
from pix2pix_jax.state import Weights, build_model
from pix2pix_jax.step import train_step
from pix2pix_jax.training.warm_start import load_beginning


@pytest.fixture
def trained(generator_file):
    return load_trained(generator_file)


def test_warm_started_state_has_the_weights_and_nothing_else_of_it(trained, generator_file):
    model = build_model(Config(ema_decay=0.9), total_steps=1)
    fresh = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    begin = load_beginning(Config(warm_start=str(generator_file)))
    assert begin is not None
    state = begin(fresh)
    for weights in (Weights(state.generator.params, state.averages), state.ema):
        assert jax.tree.all(jax.tree.map(np.array_equal, weights, Weights(trained.params, trained.averages)))
    assert not np.array_equal(fresh.generator.params["enc1"]["conv"]["bias"], trained.params["enc1"]["conv"]["bias"])
    assert (state.step, state.discriminator) == (fresh.step, fresh.discriminator)
    assert state.generator.opt_state is fresh.generator.opt_state
    without = begin(fresh.replace(ema=None))
    assert without.ema is None


@pytest.mark.process
def test_colours_stay_as_strong_and_averages_as_they_are():
    packaged = load_trained()
    config = experiment_config("pretrained_encoder")
    assert packaged.config.saturation == 1.2 * config.saturation
    model = build_model(updated(config, {"sync_batch_norm": False}), total_steps=10)
    state = load_beginning(config)(model.init_compiled(jax.random.key(0)))
    images = smooth_images(2, 160)
    begun = TrainedGenerator(config, state.ema.params, state.ema.averages).colorize(images)
    np.testing.assert_allclose(begun, packaged.colorize(images), atol=0.02)
    after, _ = jax.jit(lambda state: train_step(model, state, images[:, :64, :64]))(state)
    assert jax.tree.all(jax.tree.map(np.array_equal, after.averages, state.averages))
    # The moving average keeps what it began with.
    old, new, mean = (jax.tree.leaves(of)[-1] for of in (state.ema.params, after.generator.params, after.ema.params))
    np.testing.assert_allclose(mean, 0.995 * old + 0.005 * new, rtol=1e-5)
    assert np.abs(new - old).max() > 1e-6


@pytest.mark.parametrize(("network", "last"), [("reference", "dec4"), ("unet", "up1"), ("resnet", "last")])
def test_every_network_keeps_the_strength_of_its_colours(tmp_path, network, last):
    changes = {"generator.network": network, "generator.width": 1, "generator.depth": 2, "generator.blocks": 1}
    config = updated(experiment_config("ycrcb_l1"), changes)
    state = build_model(config, total_steps=1).init(jax.random.key(0))
    strong = updated(config, {"saturation": 1.5})
    TrainedGenerator(strong, state.generator.params, state.averages).save(file := tmp_path / "strong.safetensors")
    begin = load_beginning(updated(config, {"warm_start": str(file)}))
    assert begin is not None
    before, after = (jax.tree.leaves(each.generator.params[last]) for each in (state, begin(state)))
    np.testing.assert_allclose(after[-1], 1.5 * before[-1], rtol=2e-3, atol=1e-4)  # of float16


def test_an_encoder_begins_with_the_weights_of_a_file(tmp_path):
    torch = pytest.importorskip("torch")
    config = updated(experiment_config("pretrained_encoder"), {"generator.width": 1, "warm_start": ""})
    state = jax.eval_shape(build_model(config, total_steps=1).init, jax.random.key(0))
    fresh = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), state)
    weights = efficientnet_state_dict("lite0")
    file = tmp_path / "lite0.pth"
    torch.save({name: torch.from_numpy(array) for name, array in weights.items()}, file)
    begin = load_beginning(updated(config, {"generator.encoder_weights": str(file)}))
    assert begin is not None
    begun = begin(fresh)
    assert jax.tree.all(
        jax.tree.map(np.array_equal, begun.generator.params["encoder"], encoder_from_pytorch(weights, "lite0"))
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, begun.generator.params["last"], fresh.generator.params["last"]))
    with pytest.raises(UserError, match=r"encoder_weights=.*: these are no weights of EfficientNet-lite1"):
        load_beginning(updated(config, {"generator.encoder_weights": str(file), "generator.variant": "lite1"}))


def test_an_encoder_may_begin_at_random():
    config = updated(experiment_config("pretrained_encoder"), {"generator.encoder_weights": "random", "warm_start": ""})
    assert load_beginning(config) is None
