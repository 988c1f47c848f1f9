"""Weight files as the PyTorch references make them, through the package's conversion and back."""

import itertools
import math

import jax
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from benchmarks.parity.cases import patchgan, pixel, resnet, unet
from benchmarks.parity.jax_side import network_variables
from benchmarks.parity.pytorch_side import make_network
from benchmarks.pytorch_reference.paper import PatchGAN, PixelGAN, ResNet, UNet
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, make_discriminator, make_generator, pytorch

NORMS = ("batch", "instance", "none")
GENERATORS = [GeneratorConfig()]
GENERATORS += [config for norm in NORMS for config in (unet(8, norm), unet(7, norm), resnet(6, norm))]
DISCRIMINATORS = [DiscriminatorConfig()]
DISCRIMINATORS += [config for norm in NORMS for config in (patchgan(3, norm), patchgan(6, norm), pixel(norm))]


def flat(*trees):
    leaves = jax.tree.leaves_with_path([*trees])
    return {"/".join(str(key.key) for key in path[1:]): np.asarray(leaf) for path, leaf in leaves}


def tensors(arrays):
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def same(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def assert_found(found, config, in_channels):
    sizes = {"unet": ["depth"], "resnet": ["blocks"], "patchgan": ["layers"]}
    for key in ("network", "norm", "width", *sizes.get(config.network, [])):
        assert getattr(found.config, key) == getattr(config, key)
    assert found.in_channels == in_channels


@pytest.mark.parametrize("config", GENERATORS, ids=lambda config: f"{config.network}-{config.depth}-{config.norm}")
def test_generators_come_and_go(config):
    network = make_network(config, 3, seed=0)
    state_dict = network.state_dict()
    found = pytorch.generator_from_torch(state_dict)
    assert_found(found, config, 3)
    assert found.out_channels == 3
    # The PyTorch network was filled from the package's own weights.
    variables = network_variables(make_generator(config, 3), config, 3, seed=0)
    same(flat(found.params, found.averages), flat(variables["params"], variables["batch_stats"]))
    again = pytorch.generator_to_torch(found.config, found.params, found.averages)
    network.load_state_dict(tensors(again), strict=True)
    same(again, {name: tensor.numpy() for name, tensor in state_dict.items()})


@pytest.mark.parametrize("config", DISCRIMINATORS, ids=lambda config: f"{config.network}-{config.layers}-{config.norm}")
def test_discriminators_come_and_go(config):
    network = make_network(config, 6, seed=0)
    state_dict = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    found = pytorch.discriminator_from_torch(network.state_dict())
    assert_found(found, config, 6)
    variables = network_variables(make_discriminator(config), config, 6, seed=0)
    same(flat(found.params), flat(variables["params"]))
    again = pytorch.discriminator_to_torch(found.config, found.params)
    network.load_state_dict(tensors(again), strict=True)
    averages = {name for name in again if "running_" in name}
    same(*({n: a for n, a in arrays.items() if n not in averages} for arrays in (again, state_dict)))


@pytest.mark.parametrize("norm", NORMS)
def test_dropout_moves_the_second_convolution_of_a_block(norm):
    network = ResNet(3, 2, blocks=2, width=4, norm=norm, dropout=0.5)
    found = pytorch.generator_from_torch(network.state_dict())
    assert (found.config.dropout, found.config.blocks, found.out_channels) == (0.5, 2, 2)
    again = pytorch.generator_to_torch(found.config, found.params, found.averages)
    network.load_state_dict(tensors(again), strict=True)


def test_the_authors_own_sizes_are_what_the_package_makes():
    """At full width, by shapes alone."""
    with torch.device("meta"):
        networks = [
            (UNet(3, 3), make_generator(GeneratorConfig("unet"), 3)),
            (UNet(1, 2, 7), make_generator(GeneratorConfig("unet", depth=7), 2)),
            (ResNet(3, 3), make_generator(GeneratorConfig("resnet"), 3)),
            (ResNet(3, 3, 6, norm="instance"), make_generator(GeneratorConfig("resnet", blocks=6, norm="instance"), 3)),
            (PatchGAN(6), make_discriminator(DiscriminatorConfig("patchgan"))),
            (PixelGAN(6), make_discriminator(DiscriminatorConfig("pixel"))),
            (PatchGAN(4, 5, norm="instance"), make_discriminator(DiscriminatorConfig("patchgan", 5, norm="instance"))),
        ]
    for network, module in networks:
        image = jax.ShapeDtypeStruct((1, 256, 256, next(network.parameters()).shape[1]), np.float32)
        params = jax.eval_shape(module.init, jax.random.key(0), image)["params"]
        counts = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
        assert counts == sum(parameter.numel() for parameter in network.parameters())


def test_wrappers_prefixes_and_old_averages_are_dropped():
    state_dict = make_network(pixel("instance"), 6, seed=0).state_dict()
    old = {"net.3.running_mean": torch.zeros(8), "net.3.running_var": torch.ones(8)}
    for prefix in ("module.", "_orig_mod.", "module._orig_mod."):
        named = {prefix + name: tensor for name, tensor in itertools.chain(state_dict.items(), old.items())}
        found = pytorch.discriminator_from_torch(named)
        assert found.config.norm == "instance"
        same(flat(found.params), flat(pytorch.discriminator_from_torch(state_dict).params))


@pytest.mark.parametrize("config", [GeneratorConfig(), resnet(1)], ids=lambda config: config.network)
def test_converted_weights_do_not_follow_pytorch_s_training(config):
    network = make_network(config, 3, seed=0)
    found = pytorch.generator_from_torch(network.state_dict())
    before = {name: array.copy() for name, array in flat(found.params, found.averages).items()}
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    same(flat(found.params, found.averages), before)


def test_half_precision_is_refused_in_one_line():
    weights = make_network(DiscriminatorConfig(), 3, seed=0, dtype=torch.bfloat16).state_dict()
    with pytest.raises(pytorch.UserError, match=r"conv1\.conv\.weight cannot be read") as raised:
        pytorch.discriminator_from_torch(weights)
    assert "\n" not in str(raised.value)
