"""Points of colour in the network with an encoder: what they change, and what they must not."""

from functools import partial

import jax
import numpy as np
import pytest
from helpers import smooth_images
from scipy.ndimage import uniform_filter

from pix2pix_jax.networks import GeneratorConfig, make_generator
from pix2pix_jax.networks.efficientnet.guide import along_luma

CONFIG = GeneratorConfig(network="efficientnet", width=8)


@pytest.fixture(scope="module")
def network():
    return make_generator(CONFIG, 2)


@pytest.fixture(scope="module")
def variables(network):
    """Weights whose guide differs from the way up."""
    fresh = jax.jit(network.init)(jax.random.key(0), np.zeros((1, 32, 32, 4), np.float32))
    leaves, tree = jax.tree.flatten(fresh)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    moved = [leaf + 0.03 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return jax.tree.map(abs, jax.tree.unflatten(tree, moved)) | {"params": jax.tree.unflatten(tree, moved)["params"]}


@pytest.fixture(scope="module")
def make(network, variables):
    """The network with these weights, compiled once for each shape."""
    return jax.jit(partial(network.apply, variables))


@pytest.fixture(scope="module")
def luma():
    return smooth_images(2, 128)[..., :1].astype(np.float32) / 127.5 - 1.0


def with_points(luma, *points):
    """Luma and a map of points of the first image: (row, column, Cr, Cb), squares of 5 pixels."""
    drawn = np.zeros((*luma.shape[:3], 3), np.float32)
    for row, column, *chroma in points:
        drawn[0, row : row + 5, column : column + 5] = (1.0, *chroma)
    return np.concatenate([luma, drawn], -1)


@pytest.mark.parametrize("side", [128, 64])
def test_without_points_nothing_changes(make, luma, side):
    luma = luma[:, :side, :side]
    alone, empty, given = make(luma), make(with_points(luma)), make(with_points(luma, (9, 20, 0.5, -0.3)))
    np.testing.assert_allclose(alone, empty, atol=1e-6)  # another program, which rounds elsewhere
    np.testing.assert_array_equal(empty[1], given[1])
    assert np.abs(alone[0] - given[0]).max() > 0.01
    assert given.shape == (2, side, side, 2)


def test_the_guide_alone_learns(network, variables, luma):
    condition = with_points(luma, (9, 20, 0.5, -0.3), (60, 50, 0.2, 0.2))

    def loss(params):
        made, moved = network.apply(variables | {"params": params}, condition, train=True, mutable=["batch_stats"])
        return (made**2).sum(), moved["batch_stats"]

    gradient, moved = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    for name, tree in gradient.items():
        assert any(np.any(leaf) for leaf in jax.tree.leaves(tree)) == (name == "guide"), name
    for name, tree in moved.items():
        same = jax.tree.all(jax.tree.map(np.array_equal, tree, variables["batch_stats"][name]))
        assert same == (name != "guide"), name


def test_every_place_may_follow_a_point(make, luma):
    """By attention also what is too far for the convolutions."""
    made = make(with_points(luma, (2, 2, 0.5, -0.3))) - make(luma)
    assert np.abs(made[0, -8:, -8:]).max() > 1e-5


def test_what_attends_to_no_point_stays_half_of_what_it_was(network, variables, luma):
    guide = variables["params"]["guide"]
    condition = with_points(luma, (2, 2, 0.5, -0.3))

    attention = guide["attention"] | {"nothing": np.full(4, 1e6, np.float32)}
    params = variables["params"] | {"guide": guide | {"attention": attention}}
    watch = {"capture_intermediates": lambda module, _: module.name in ("guide", "last"), "mutable": ["intermediates"]}
    _, kept = jax.jit(partial(network.apply, **watch))(variables | {"params": params}, condition)
    kept = kept["intermediates"]
    whole = np.tanh(kept["guide"]["last"]["__call__"][0][:1])
    _, without = kept["without_points"][0]
    mixed = kept["guide"]["__call__"][0][:1]
    np.testing.assert_allclose(mixed, (without[:1] + whole) / 2.0, atol=1e-6)


def test_chroma_follows_luma_as_the_guided_filter_has_it():
    rng = np.random.default_rng(0)
    chroma, luma = (rng.uniform(-1.0, 1.0, (1, 40, 64, channels)).astype(np.float32) for channels in (2, 1))

    def mean(plane):
        padded = [uniform_filter(x, 9, mode="constant") for x in (plane, np.ones_like(plane))]
        return padded[0] / padded[1]

    y = luma[0, ..., 0].astype(np.float64)
    for made, given in zip(np.moveaxis(along_luma(chroma, luma)[0], -1, 0), np.moveaxis(chroma[0], -1, 0), strict=True):
        slope = (mean(y * given) - mean(y) * mean(given)) / (mean(y * y) - mean(y) ** 2 + 4e-3)
        expected = mean(slope) * y + mean(mean(given) - slope * mean(y))
        np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("channels", [2, 5])
def test_other_numbers_of_channels_are_refused(network, channels):
    with pytest.raises(ValueError, match="channels"):
        network.init(jax.random.key(0), np.zeros((1, 32, 32, channels), np.float32))
