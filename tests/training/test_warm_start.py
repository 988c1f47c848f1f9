import jax
import numpy as np
import pytest

from pix2pix_jax.config import Config
from pix2pix_jax.inference import load_trained
from pix2pix_jax.state import Weights, build_model
from pix2pix_jax.training.warm_start import warm_started


@pytest.fixture
def trained(generator_file):
    return load_trained(generator_file)


def test_warm_started_state_has_the_weights_and_nothing_else_of_it(trained):
    model = build_model(Config(ema_decay=0.9), total_steps=1)
    fresh = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), jax.eval_shape(model.init, jax.random.key(0)))
    state = warm_started(fresh, trained)
    for weights in (Weights(state.generator.params, state.averages), state.ema):
        assert jax.tree.all(jax.tree.map(np.array_equal, weights, Weights(trained.params, trained.averages)))
    assert not np.array_equal(fresh.generator.params["enc1"]["conv"]["bias"], trained.params["enc1"]["conv"]["bias"])
    assert (state.step, state.discriminator) == (fresh.step, fresh.discriminator)
    assert state.generator.opt_state is fresh.generator.opt_state
    without = warm_started(fresh.replace(ema=None), trained)
    assert without.ema is None
