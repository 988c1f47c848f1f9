"""The PyTorch side of the comparison of the paper's networks: `paper_reference` from the recipe's weights."""

from typing import Any

import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import Tensor, nn

from benchmarks.paper_reference import PatchGAN, PixelGAN, ResNet, Settings, TrainStep, UNet, make_adam
from benchmarks.parity import paper_recipe, recipe
from benchmarks.parity.paper_cases import NETWORKS, STEPS, NetworkCase, StepCase
from benchmarks.parity.paper_jax_side import discriminator_config, generator_config, network_variables
from benchmarks.parity.paper_recipe import Values
from benchmarks.parity.run import Run
from pix2pix_jax.networks import make_discriminator, make_generator, pytorch


def make_network(case: NetworkCase, in_channels: int, seed: int, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A network with the recipe's weights, in training mode."""
    if case.kind == "unet":
        network = UNet(in_channels, 3, case.size, case.width, case.norm)
    elif case.kind == "resnet":
        network = ResNet(in_channels, 3, case.size, case.width, case.norm)
    elif case.kind == "patchgan":
        network = PatchGAN(in_channels, case.size, case.width, case.norm)
    else:
        network = PixelGAN(in_channels, case.width, case.norm)
    if case.generates:
        config: Any = generator_config(case)
        variables = network_variables(make_generator(config, 3), case, in_channels, seed)
        values = pytorch.generator_to_torch(config, variables["params"], variables["batch_stats"])
    else:
        config = discriminator_config(case)
        variables = network_variables(make_discriminator(config), case, in_channels, seed)
        values = pytorch.discriminator_to_torch(config, variables["params"])
    network.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    return network.to(dtype)


def pytorch_outputs(name: str, dtype: torch.dtype = torch.float32) -> Values:
    """The outputs of a network in `NETWORKS`; float64 shows what float32 loses."""
    case = NETWORKS[name]
    condition, image = _pair(0, case.side, recipe.SEED, dtype)
    given = condition if case.generates else torch.cat([condition, image], dim=1)
    network = make_network(case, given.shape[1], recipe.SEED, dtype)
    averages = {name: tensor.clone() for name, tensor in network.named_buffers()}
    with torch.no_grad():
        training = network(given)
        network.load_state_dict(averages, strict=False)
        # The package's discriminators keep no averages: they are only ever trained.
        evaluating = network.eval()(given) if case.generates else training
    return {"training": _nhwc(training), "evaluating": _nhwc(evaluating)}


def make_step(case: StepCase, seed: int, dtype: torch.dtype = torch.float32) -> TrainStep:
    """A step of a training with the recipe's weights and fresh optimizers."""
    generator = make_network(case.generator, 3, seed, dtype)
    discriminator = make_network(case.discriminator, 6 if case.conditional else 3, seed, dtype)
    settings = Settings(
        case.objective,
        "discriminator_first" if case.discriminator_first else "together",
        case.discriminator_factor,
        case.real_label,
        case.conditional,
    )
    d_adam = make_adam(discriminator, learning_rate=case.discriminator_learning_rate or 2e-4)
    return TrainStep(generator, discriminator, make_adam(generator), d_adam, settings)


def run_pytorch(name: str, shares: np.ndarray, dtype: torch.dtype = torch.float32) -> Run:
    """Runs a training in `STEPS` on the CPU.

    Args:
        name: which.
        shares: of the real images in the mixtures of the gradient penalty, `[steps, batch]`.
        dtype: of weights and computation; float64 shows what float32 loses.
    """
    torch.set_num_threads(1)  # such small batches gain nothing from more
    case = STEPS[name]
    step = make_step(case, recipe.SEED, dtype)
    losses, gradients, averages = [], {}, {}
    for index, share in enumerate(shares):
        condition, image = _pair(index, case.generator.side, recipe.SEED, dtype)
        terms = step(condition, image, torch.from_numpy(share.copy()))
        losses.append(terms)
        if index == 0:
            gradients, averages = _gradients(step, case), _as_flax(step.generator, case.generator)[1]
    return Run(
        {}, gradients, averages, {term: np.array([terms[term].item() for terms in losses]) for term in losses[0]}
    )


def _nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.permute(0, 2, 3, 1).numpy()


def _pair(index: int, side: int, seed: int, dtype: torch.dtype) -> list[Tensor]:
    pair = [torch.from_numpy(images) for images in paper_recipe.pair(index, side, seed)]
    return [images.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0 for images in pair]


def _gradients(step: TrainStep, case: StepCase) -> Values:
    found = {"generator": _as_flax(step.generator, case.generator)[0]}
    found["discriminator"] = _as_flax(step.discriminator, case.discriminator)[0]
    return {f"{name}.{key}": value for name, values in found.items() for key, value in values.items()}


def _as_flax(network: nn.Module, case: NetworkCase) -> tuple[Values, Values]:
    """A network's gradients and running averages, by Flax's names."""
    tensors = {name: value.grad for name, value in network.named_parameters()} | dict(network.named_buffers())
    if case.generates:
        found = pytorch.generator_from_torch(tensors)
        trees: tuple[Any, Any] = found.params, found.averages
    else:
        trees = pytorch.discriminator_from_torch(tensors).params, {}
    gradients, averages = ({k: np.array(v) for k, v in flatten_dict(tree, sep="/").items()} for tree in trees)
    return gradients, averages
