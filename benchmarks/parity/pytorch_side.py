"""The PyTorch side of the comparison: the reference and the paper's networks from the recipe's weights."""

from typing import Any

import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import Tensor, nn

from benchmarks import pytorch_reference
from benchmarks.paper_reference import PatchGAN, PixelGAN, ResNet, Settings, TrainStep, UNet, make_adam
from benchmarks.parity import paper_recipe, recipe
from benchmarks.parity.cases import NETWORKS, TRAININGS, NetworkConfig
from benchmarks.parity.jax_side import network_variables, penalty_shares
from benchmarks.parity.run import Run, Values
from pix2pix_jax.config import Config
from pix2pix_jax.networks import GeneratorConfig, make_discriminator, make_generator, pytorch
from pix2pix_jax.tasks import TranslationTask


def make_network(
    config: NetworkConfig, in_channels: int, seed: int, dtype: torch.dtype = torch.float32, out_channels: int = 3
) -> nn.Module:
    """A network with the recipe's weights, in training mode; a discriminator has one output channel."""
    network: nn.Module
    if isinstance(config, GeneratorConfig):
        if config.network == "reference":
            network = pytorch_reference.Generator(in_channels, out_channels)
        elif config.network == "unet":
            network = UNet(in_channels, out_channels, config.depth, config.width, config.norm)
        else:
            network = ResNet(in_channels, out_channels, config.blocks, config.width, config.norm)
        variables = network_variables(make_generator(config, out_channels), config, in_channels, seed)
        values = pytorch.generator_to_torch(config, variables["params"], variables["batch_stats"])
    else:
        if config.network == "reference":
            network = pytorch_reference.Discriminator(in_channels)
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
    generates = isinstance(config, GeneratorConfig)
    condition, image = _pair(0, side, dtype)
    given = condition if generates else torch.cat([condition, image], dim=1)
    network = make_network(config, given.shape[1], recipe.SEED, dtype)
    averages = {name: tensor.clone() for name, tensor in network.named_buffers()}
    with torch.no_grad():
        training = network(given)
        network.load_state_dict(averages, strict=False)
        # The package's discriminators keep no averages: they are only ever trained.
        evaluating = network.eval()(given) if generates else training
    return {"training": _nhwc(training), "evaluating": _nhwc(evaluating)}


def make_step(name: str, dtype: torch.dtype = torch.float32) -> Any:
    """A step of a training in `TRAININGS`, with the recipe's weights and fresh optimizers."""
    config = TRAININGS[name]
    task, seed = config.task, recipe.SEED
    generator = make_network(config.generator, task.condition_channels, seed, dtype, task.generator_channels)
    discriminator: Any = None
    d_adam: Any = None
    if task.adversarial:
        discriminator = make_network(config.discriminator, task.discriminator_channels, seed, dtype)
        d_adam = make_adam(discriminator, learning_rate=config.adam.discriminator_learning_rate or 2e-4)
    if not isinstance(task, TranslationTask):
        return pytorch_reference.TrainStep(name, generator, discriminator, make_adam(generator), d_adam)
    objective = config.objective
    settings = Settings(
        objective.gan,
        "discriminator_first" if objective.discriminator_first else "together",
        objective.discriminator_factor,
        objective.real_label,
        task.discriminator_sees_condition,
    )
    return TrainStep(generator, discriminator, make_adam(generator), d_adam, settings)


def run_pytorch(name: str, dtype: torch.dtype = torch.float32) -> Run:
    """Runs a training in `TRAININGS` on the CPU.

    Args:
        name: which.
        dtype: of weights and computation; float64 shows what float32 loses.
    """
    torch.set_num_threads(1)  # such small batches gain nothing from more
    config = TRAININGS[name]
    outputs = {} if isinstance(config.task, TranslationTask) else _outputs(name, dtype)
    step = make_step(name, dtype)
    losses, gradients, averages = [], {}, {}
    for index, share in enumerate(penalty_shares()):
        losses.append(_take(step, config, index, share, dtype))
        if index == 0:
            gradients, averages = _gradients(step), _as_flax(step.generator)[1]
    return Run(
        outputs, gradients, averages, {term: np.array([terms[term].item() for terms in losses]) for term in losses[0]}
    )


def _take(step: Any, config: Config, index: int, share: np.ndarray, dtype: torch.dtype) -> dict[str, Tensor]:
    """Takes a step on its batch; `share` is that of the real images in the gradient penalty's mixtures."""
    if not isinstance(config.task, TranslationTask):
        return step(torch.from_numpy(recipe.photographs(index, recipe.SEED)))
    terms = step(*_pair(index, config.image_size, dtype), torch.from_numpy(share.copy()))
    named = "g_bce" if config.objective.gan == "vanilla" else "g_gan"  # as the package calls it
    return {named if term == "g_gan" else term: value for term, value in terms.items()}


def _outputs(name: str, dtype: torch.dtype) -> Values:
    """What the networks answer while the losses of the first batch are computed."""
    answers: list[np.ndarray] = []
    for train in (True, False):
        step = make_step(name, dtype)
        step.generator.train(train)
        for network in (step.generator, step.discriminator):
            if network is not None:
                network.register_forward_hook(lambda _module, _given, made: answers.append(_nhwc(made)))
        with torch.no_grad():
            step.losses(torch.from_numpy(recipe.photographs(0, recipe.SEED)))
    names = ["made", "colored"] if len(answers) == 2 else ["made", "real_logits", "fake_logits", "colored"]
    return dict(zip(names, answers, strict=False))


def _nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.permute(0, 2, 3, 1).numpy()


def _pair(index: int, side: int, dtype: torch.dtype) -> list[Tensor]:
    pair = [torch.from_numpy(images) for images in paper_recipe.pair(index, side, recipe.SEED)]
    return [images.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0 for images in pair]


def _gradients(step: Any) -> Values:
    networks = {"generator": step.generator, "discriminator": step.discriminator}
    found = {name: _as_flax(network)[0] for name, network in networks.items() if network is not None}
    return {f"{name}.{key}": value for name, values in found.items() for key, value in values.items()}


def _as_flax(network: nn.Module) -> tuple[Values, Values]:
    """A network's gradients and running averages, by Flax's names."""
    tensors = {name: value.grad for name, value in network.named_parameters()} | dict(network.named_buffers())
    if isinstance(network, (UNet, ResNet, pytorch_reference.Generator)):
        found = pytorch.generator_from_torch(tensors)
        trees: tuple[Any, Any] = found.params, found.averages
    else:
        trees = pytorch.discriminator_from_torch(tensors).params, {}
    gradients, averages = ({k: np.array(v) for k, v in flatten_dict(tree, sep="/").items()} for tree in trees)
    return gradients, averages
