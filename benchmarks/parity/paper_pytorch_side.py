"""The PyTorch side of the comparison of the paper's networks: `paper_reference` from the recipe's weights."""

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.paper_reference import PatchGAN, PixelGAN, ResNet, Settings, TrainStep, UNet, make_adam
from benchmarks.parity import paper_recipe
from benchmarks.parity.paper_cases import NETWORKS, STEPS, NetworkCase, StepCase
from benchmarks.parity.paper_names import to_flax, to_torch
from benchmarks.parity.paper_recipe import Values
from benchmarks.parity.paper_run import Outputs, Run


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
    empty = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    shapes = {name: array.shape for name, array in to_flax(empty, case).items()}
    values = to_torch(paper_recipe.network_values(shapes, case, seed), case)
    tensors = {name: torch.tensor(values.get(name, array)) for name, array in empty.items()}  # the rest are counters
    network.load_state_dict(tensors)
    return network.to(dtype)


def pytorch_outputs(name: str, dtype: torch.dtype = torch.float32) -> Outputs:
    """The outputs of a network in `NETWORKS`; float64 shows what float32 loses."""
    case = NETWORKS[name]
    condition, image = _pair(0, case.side, paper_recipe.SEED, dtype)
    given = condition if case.generates else torch.cat([condition, image], dim=1)
    network = make_network(case, given.shape[1], paper_recipe.SEED, dtype)
    averages = {name: tensor.clone() for name, tensor in network.named_buffers()}
    with torch.no_grad():
        training = network(given)
        network.load_state_dict(averages, strict=False)
        # The package's discriminators keep no averages: they are only ever trained.
        evaluating = network.eval()(given) if case.generates else training
    return Outputs(_nhwc(training), _nhwc(evaluating))


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
    step = make_step(case, paper_recipe.SEED, dtype)
    losses, gradients, averages = [], {}, {}
    for index, share in enumerate(shares):
        condition, image = _pair(index, case.generator.side, paper_recipe.SEED, dtype)
        terms = step(condition, image, torch.from_numpy(share.copy()))
        losses.append(terms)
        if index == 0:
            gradients, averages = _gradients(step, case), _averages(step.generator, case.generator)
    return Run(gradients, averages, {term: np.array([terms[term].item() for terms in losses]) for term in losses[0]})


def _nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.permute(0, 2, 3, 1).numpy()


def _pair(index: int, side: int, seed: int, dtype: torch.dtype) -> list[Tensor]:
    pair = [torch.from_numpy(images) for images in paper_recipe.pair(index, side, seed)]
    return [images.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0 for images in pair]


def _gradients(step: TrainStep, case: StepCase) -> Values:
    gradients = {}
    networks = {
        "generator": (step.generator, case.generator),
        "discriminator": (step.discriminator, case.discriminator),
    }
    for name, (network, network_case) in networks.items():
        tensors = {
            key: parameter.grad.numpy().copy()
            for key, parameter in network.named_parameters()
            if parameter.grad is not None
        }
        gradients |= {f"{name}.{key}": value for key, value in to_flax(tensors, network_case).items()}
    return gradients


def _averages(generator: nn.Module, case: NetworkCase) -> Values:
    return to_flax({name: average.numpy().copy() for name, average in generator.named_buffers()}, case)
