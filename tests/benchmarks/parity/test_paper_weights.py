"""Weight files of the authors' code, as the PyTorch reference makes them, through the package's conversion and back."""

import itertools

import jax
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from benchmarks.paper_reference import PatchGAN, PixelGAN, ResNet, UNet
from benchmarks.parity.paper_cases import NETWORKS, NetworkCase
from benchmarks.parity.paper_jax_side import discriminator_config, generator_config, network_variables
from benchmarks.parity.paper_pytorch_side import make_network
from pix2pix_jax.networks import make_discriminator, make_generator, pytorch

NORMS = ("batch", "instance", "none")
GENERATORS = {
    NetworkCase("unet", 8): "unet_256",
    NetworkCase("unet", 7): "unet_128",
    NetworkCase("resnet", 6): "resnet_6",
}
DISCRIMINATORS = {
    NetworkCase("patchgan", 3): "basic",
    NetworkCase("patchgan", 6): "n_layers",
    NetworkCase("pixel", 0): "pixel",
}


def flat(*trees):
    leaves = jax.tree.leaves_with_path([*trees])
    return {"/".join(str(key.key) for key in path[1:]): np.asarray(leaf) for path, leaf in leaves}


def tensors(arrays):
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def same(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("case", GENERATORS, ids=GENERATORS.get)
def test_generators_come_and_go(case, norm):
    case = NetworkCase(case.kind, case.size, norm, side=256)
    network = make_network(case, 3, seed=0)
    state_dict = network.state_dict()
    found = pytorch.generator_from_torch(state_dict)
    assert (found.in_channels, found.out_channels) == (3, 3)
    assert (found.config.network, found.config.norm, found.config.width) == (case.kind, norm, case.width)
    assert case.size == (found.config.depth if case.kind == "unet" else found.config.blocks)
    # The PyTorch network was filled from the package's own weights.
    variables = network_variables(make_generator(generator_config(case), 3), case, 3, seed=0)
    same(flat(found.params, found.averages), flat(variables["params"], variables["batch_stats"]))
    again = pytorch.generator_to_torch(found.config, found.params, found.averages)
    network.load_state_dict(tensors(again), strict=True)
    same(again, {name: tensor.numpy() for name, tensor in state_dict.items()})


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("case", DISCRIMINATORS, ids=DISCRIMINATORS.get)
def test_discriminators_come_and_go(case, norm):
    case = NetworkCase(case.kind, case.size, norm, side=256)
    network = make_network(case, 6, seed=0)
    state_dict = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    found = pytorch.discriminator_from_torch(network.state_dict())
    assert found.in_channels == 6
    assert (found.config.network, found.config.norm, found.config.width) == (case.kind, norm, case.width)
    assert case.kind == "pixel" or found.config.layers == case.size
    variables = network_variables(make_discriminator(discriminator_config(case)), case, 6, seed=0)
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
        networks = [UNet(3, 3), UNet(1, 2, 7), ResNet(3, 3), ResNet(3, 3, 6, norm="instance")]
        judges = [PatchGAN(6), PixelGAN(6), PatchGAN(4, 5, norm="instance")]
    cases = [("unet", 8, "batch"), ("unet", 7, "batch"), ("resnet", 9, "batch"), ("resnet", 6, "instance")]
    judge_cases = [("patchgan", 3, "batch"), ("pixel", 0, "batch"), ("patchgan", 5, "instance")]
    for network, (kind, size, norm) in zip([*networks, *judges], [*cases, *judge_cases], strict=True):
        case = NetworkCase(kind, size, norm, side=256, width=64)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        channels = next(network.parameters()).shape[1]
        image = jax.ShapeDtypeStruct((1, 256, 256, channels), np.float32)
        if case.generates:
            module = make_generator(generator_config(case), 2 if channels == 1 else 3)
        else:
            module = make_discriminator(discriminator_config(case))
        params = jax.eval_shape(module.init, jax.random.key(0), image)["params"]
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == parameters


def test_wrappers_prefixes_and_old_averages_are_dropped():
    case = NETWORKS["pixel_instance"]
    state_dict = make_network(case, 6, seed=0).state_dict()
    old = {"net.3.running_mean": torch.zeros(8), "net.3.running_var": torch.ones(8)}
    for prefix in ("module.", "_orig_mod.", "module._orig_mod."):
        named = {prefix + name: tensor for name, tensor in itertools.chain(state_dict.items(), old.items())}
        found = pytorch.discriminator_from_torch(named)
        assert found.config.norm == "instance"
        same(flat(found.params), flat(pytorch.discriminator_from_torch(state_dict).params))


def test_converted_weights_do_not_follow_pytorch_s_training():
    case = NetworkCase("resnet", 1)
    network = make_network(case, 3, seed=0)
    found = pytorch.generator_from_torch(network.state_dict())
    before = {name: array.copy() for name, array in flat(found.params, found.averages).items()}
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    same(flat(found.params, found.averages), before)
