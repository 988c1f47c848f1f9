import jax
import jax.numpy as jnp
import pytest

from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.state import build_model


def updates(rate):
    """Adam's first updates of two parameters, one of the encoder, for gradients of 1."""
    config = updated(
        experiment_config("pretrained_encoder"),
        {"generator.encoder_rate": rate, "adam.schedule": "constant", "adam.learning_rate": 1e-3},
    )
    optimizer = build_model(config, total_steps=10).generator_optimizer
    params = {"encoder": {"stem": jnp.zeros(1)}, "last": {"conv": jnp.zeros(1)}}
    moved, _ = optimizer.update(jax.tree.map(jnp.ones_like, params), optimizer.init(params), params)
    return float(moved["encoder"]["stem"][0]), float(moved["last"]["conv"][0])


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_the_encoder_has_a_learning_rate_of_its_own(rate):
    encoder, others = updates(rate)
    assert others == pytest.approx(-1e-3, rel=1e-3)
    assert encoder == pytest.approx(-1e-3 * rate, rel=1e-3)
