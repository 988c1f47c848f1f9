"""The PyTorch side of the comparison: the reference and the paper's networks from the recipe's weights."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.parity import recipe
from benchmarks.parity.cases import NETWORKS, TRAININGS, NetworkConfig
from benchmarks.parity.jax_side import batch_of, network_variables, penalty_shares, seen_channels
from benchmarks.parity.run import Run, Values
from benchmarks.pytorch_reference.paper import PatchGAN, PixelGAN, ResNet, UNet
from benchmarks.pytorch_reference.reference import Discriminator, Generator
from benchmarks.pytorch_reference.step import Settings, TrainStep, make_adam
from benchmarks.pytorch_reference.tasks import EXPERIMENTS, Colors, Pairs
from pix2pix_jax.networks import GeneratorConfig, make_discriminator, make_generator, pytorch
from pix2pix_jax.tasks import TranslationTask


def make_network(
    config: NetworkConfig, in_channels: int, seed: int, dtype: torch.dtype = torch.float32, out_channels: int = 3
) -> nn.Module:
    """A network with the recipe's weights, in training mode; a discriminator has one output channel."""
    network: nn.Module
    if isinstance(config, GeneratorConfig):
        if config.network == "reference":
            network = Generator(in_channels, out_channels)
        elif config.network == "unet":
            network = UNet(in_channels, out_channels, config.depth, config.width, config.norm)
        else:
            network = ResNet(in_channels, out_channels, config.blocks, config.width, config.norm)
        variables = network_variables(make_generator(config, out_channels), config, in_channels, seed)
        values = pytorch.generator_to_torch(config, variables["params"], variables["batch_stats"])
    else:
        if config.network == "reference":
            network = Discriminator(in_channels)
        elif config.network == "patchgan":
            network = PatchGAN(in_channels, config.layers, config.width, config.norm)
        else:
            network = PixelGAN(in_channels, config.width, config.norm)
        variables = network_variables(make_discriminator(config), config, in_channels, seed)
        values = pytorch.discriminator_to_torch(config, variables["params"])
    network.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    return network.to(dtype)


def pytorch_outputs(name: str, dtype: torch.dtype = torch.float32) -> Values:
    """The outputs of a network in `NETWORKS`; float64 shows what float32 loses."""
    config, side = NETWORKS[name]
    pair = [torch.from_numpy(images) for images in recipe.pair(0, side, recipe.SEED)]
    condition, image = (images.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0 for images in pair)
    if isinstance(config, GeneratorConfig):
        training, evaluating = _both_modes(make_network(config, 3, recipe.SEED, dtype), condition)
        return {"training": training, "evaluating": evaluating}
    with torch.no_grad():
        training = _nhwc(make_network(config, 6, recipe.SEED, dtype)(torch.cat([condition, image], dim=1)))
    # The package's discriminators keep no averages: they are only ever trained.
    return {"training": training, "evaluating": training}


def make_step(name: str, dtype: torch.dtype = torch.float32) -> TrainStep:
    """A step of a training in `TRAININGS`, with the recipe's weights and fresh optimizers."""
    config = TRAININGS[name]
    task, objective, seed = config.task, config.objective, recipe.SEED
    generator = make_network(config.generator, task.condition_channels, seed, dtype, task.generator_channels)
    discriminator = d_adam = None
    if task.adversarial:
        discriminator = make_network(config.discriminator, seen_channels(config), seed, dtype)
        d_adam = make_adam(discriminator, learning_rate=config.adam.discriminator_learning_rate or 2e-4)
    twin: Colors | Pairs = (
        Pairs(task.discriminator_sees_condition) if isinstance(task, TranslationTask) else EXPERIMENTS[name]
    )
    settings = Settings(
        objective.gan,
        "discriminator_first" if objective.discriminator_first else "together",
        objective.discriminator_factor,
        objective.real_label,
    )
    return TrainStep(twin, generator, discriminator, make_adam(generator), d_adam, settings)


def run_pytorch(name: str, dtype: torch.dtype = torch.float32) -> Run:
    """Runs a training in `TRAININGS` on the CPU.

    Args:
        name: which.
        dtype: of weights and computation; float64 shows what float32 loses.
    """
    torch.set_num_threads(1)  # such small batches gain nothing from more
    config = TRAININGS[name]
    outputs = {} if isinstance(config.task, TranslationTask) else _outputs(make_step(name, dtype), config)
    step = make_step(name, dtype)
    losses, gradients, averages = [], {}, {}
    for index, share in enumerate(penalty_shares()):
        losses.append(step(torch.from_numpy(batch_of(config, index)), torch.from_numpy(share.copy())))
        if index == 0:
            networks = {"generator": step.generator, "discriminator": step.discriminator}
            for which, network in networks.items():
                tensors = network.named_parameters() if network is not None else ()
                gradients |= {
                    f"{which}.{name}": tensor.grad.numpy().copy() for name, tensor in tensors if tensor.grad is not None
                }
            averages = {n: a.numpy().copy() for n, a in step.generator.named_buffers() if "running_" in n}
    return Run(
        outputs, gradients, averages, {term: np.array([terms[term].item() for terms in losses]) for term in losses[0]}
    )


def _outputs(step: TrainStep, config: Any) -> Values:
    """What the networks answer while the losses of the first batch are computed."""
    task: Any = step.task
    luma, truth = task.example(step.scaled(torch.from_numpy(batch_of(config, 0))))
    made, colored = _both_modes(step.generator, luma)
    outputs = {"made": made, "colored": colored}
    if step.discriminator is not None:
        fake = task.image(luma, torch.from_numpy(made).permute(0, 3, 1, 2))
        with torch.no_grad():
            for which, photo in (("real", truth), ("fake", fake)):
                outputs[f"{which}_logits"] = _nhwc(step.discriminator(task.seen(photo, luma)))
    return outputs


def _both_modes(network: nn.Module, given: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What a network makes with the batch's statistics, and with the running averages that it had before."""
    averages = {name: tensor.clone() for name, tensor in network.named_buffers()}
    with torch.no_grad():
        training = network(given)
        network.load_state_dict(averages, strict=False)
        return _nhwc(training), _nhwc(network.eval()(given))


def _nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.permute(0, 2, 3, 1).numpy()
