"""Weight files as the PyTorch references make them, through the package's conversion and back."""

import jax
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from benchmarks.parity.cases import patchgan, pixel, resnet, unet
from benchmarks.parity.jax_side import network_variables
from benchmarks.parity.pytorch_side import make_network
from benchmarks.pytorch_reference.paper import ResNet
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, make_generator, pytorch

NORMS = ("batch", "instance", "none")
GENERATORS = [GeneratorConfig()]
GENERATORS += [config for norm in NORMS for config in (unet(8, norm), unet(7, norm), resnet(6, norm))]
DISCRIMINATORS = [DiscriminatorConfig()]
DISCRIMINATORS += [config for norm in NORMS for config in (patchgan(3, norm), patchgan(6, norm), pixel(norm))]


def arrays_of(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def same(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("config", GENERATORS, ids=lambda config: f"{config.network}-{config.depth}-{config.norm}")
def test_generators_come_and_go(config):
    network = make_network(config, 3, seed=0)  # loads the package's own weights, strictly
    found = pytorch.generator_from_torch(arrays_of(network))
    sizes = {"unet": ["depth"], "resnet": ["blocks"]}
    for key in ("network", "norm", "width", *sizes.get(config.network, [])):
        assert getattr(found.config, key) == getattr(config, key)
    assert (found.in_channels, found.out_channels) == (3, 3)
    variables = network_variables(make_generator(config, 3), config, 3, seed=0)
    jax.tree.map(np.testing.assert_array_equal, found.params, variables["params"])
    jax.tree.map(np.testing.assert_array_equal, found.averages, variables["batch_stats"])
    same(pytorch.generator_to_torch(found.config, found.params, found.averages), arrays_of(network))


@pytest.mark.parametrize("config", DISCRIMINATORS, ids=lambda config: f"{config.network}-{config.layers}-{config.norm}")
def test_discriminators_load_strictly(config):
    make_network(config, 6, seed=0)


@pytest.mark.parametrize("norm", NORMS)
def test_dropout_moves_the_second_convolution_of_a_block(norm):
    network = ResNet(3, 2, blocks=2, width=4, norm=norm, dropout=0.5)
    found = pytorch.generator_from_torch(arrays_of(network))
    assert (found.config.dropout, found.config.blocks, found.out_channels) == (0.5, 2, 2)
    same(pytorch.generator_to_torch(found.config, found.params, found.averages), arrays_of(network))


def test_converted_weights_do_not_follow_pytorchs_training():
    network = make_network(resnet(1), 3, seed=0)
    found = pytorch.generator_from_torch(arrays_of(network))
    before = jax.tree.map(np.array, found.params)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    jax.tree.map(np.testing.assert_array_equal, found.params, before)
