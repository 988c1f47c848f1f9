import jax
import numpy as np

from pix2pix_jax.networks import layers


def test_initial_weights_lie_within_pytorchs_bounds():
    variables = layers.Conv(7, 3).init(jax.random.key(0), np.zeros((1, 4, 4, 50), np.float32))
    bound = (9 * 50) ** -0.5
    for leaf in jax.tree.leaves(variables):
        assert 0.8 * bound < np.abs(leaf).max() <= bound
