"""The PyTorch side of the comparison: the reference from the recipe's weights."""

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.parity import recipe
from benchmarks.parity.run import Run, Tensors
from benchmarks.pytorch_reference import TrainStep, make_adam, make_train_step


def recipe_train_step(experiment: str, dtype: torch.dtype = torch.float32) -> TrainStep:
    """A step with the recipe's weights and fresh optimizers."""
    step = make_train_step(experiment)
    for name, network in _networks(step).items():
        shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
        values = recipe.state_dict_values(shapes, name, recipe.SEED)
        network.load_state_dict({key: torch.from_numpy(value) for key, value in values.items()})
        network.to(dtype)
    generator, discriminator = step.generator, step.discriminator
    d_adam = None if discriminator is None else make_adam(discriminator)
    return TrainStep(experiment, generator, discriminator, make_adam(generator), d_adam)


def run_pytorch(experiment: str, dtype: torch.dtype = torch.float32) -> Run:
    """Runs an experiment with the PyTorch program on the CPU.

    Args:
        experiment: a name in `EXPERIMENTS`.
        dtype: of weights and computation; float64 shows what float32 loses.
    """
    torch.set_num_threads(1)  # such small batches gain nothing from more
    outputs = _outputs(recipe_train_step(experiment, dtype), train=True)
    empty = np.zeros((0,), np.float32)
    real_logits, fake_logits = outputs.get("discriminator", (empty, empty))
    (colored,) = _outputs(recipe_train_step(experiment, dtype), train=False)["generator"]
    step = recipe_train_step(experiment, dtype)
    losses, gradients, averages = [], {}, {}
    for index in range(recipe.STEPS + 1):
        losses.append(step(_batch(index)))
        if index == 0:
            gradients, averages = _gradients(step), _averages(step)
    return Run(
        outputs={
            "made": outputs["generator"][0],
            "colored": colored,
            "real_logits": real_logits,
            "fake_logits": fake_logits,
        },
        gradients=gradients,
        averages=averages,
        losses={name: np.array([terms[name].item() for terms in losses]) for name in losses[0]},
    )


def _networks(step: TrainStep) -> dict[str, nn.Module]:
    networks = {"generator": step.generator, "discriminator": step.discriminator}
    return {name: network for name, network in networks.items() if network is not None}


def _batch(index: int) -> Tensor:
    return torch.from_numpy(recipe.photographs(index, recipe.SEED))


def _outputs(step: TrainStep, *, train: bool) -> dict[str, list[np.ndarray]]:
    """What each network returns, call by call, while the losses of the first batch are computed."""
    step.generator.train(train)
    outputs: dict[str, list[np.ndarray]] = {}
    for name, network in _networks(step).items():
        answers = outputs.setdefault(name, [])

        def keep(_module: nn.Module, _inputs: object, output: Tensor, answers: list = answers) -> None:
            answers.append(output.permute(0, 2, 3, 1).numpy())

        network.register_forward_hook(keep)
    with torch.no_grad():
        step.losses(_batch(0))
    return outputs


def _gradients(step: TrainStep) -> Tensors:
    return {
        f"{name}.{key}": parameter.grad.numpy().copy()
        for name, network in _networks(step).items()
        for key, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def _averages(step: TrainStep) -> Tensors:
    return {
        f"generator.{key}": average.numpy().copy()
        for key, average in step.generator.named_buffers()
        if average.is_floating_point()
    }
