"""Makes the golden values of `tests/golden` with the PyTorch program.

From the root of the project:
    python -m benchmarks.make_golden              writes tests/golden/EXPERIMENT.npz
    python -m benchmarks.make_golden --margins    shows how clear of kinks the recipe keeps, and writes nothing
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import recipe
from benchmarks.parity import Run, Tensors, golden_values
from benchmarks.pytorch_reference import EXPERIMENTS, TrainStep, make_adam, make_train_step

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"


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
    seed = recipe.SEED
    outputs = _outputs(recipe_train_step(experiment, dtype), _batch(0, seed))
    evaluating = recipe_train_step(experiment, dtype)
    evaluating.generator.eval()
    colored = _outputs(evaluating, _batch(0, seed))["generator"][0]

    step = recipe_train_step(experiment, dtype)
    losses = [step(_batch(0, seed))]
    gradients, averages = _gradients(step), _averages(step)
    losses += [step(_batch(index, seed)) for index in range(1, recipe.STEPS + 1)]
    empty = np.zeros((0,), np.float32)
    real_logits, fake_logits = outputs.get("discriminator", (empty, empty))
    return Run(
        made=outputs["generator"][0],
        colored=colored,
        real_logits=real_logits,
        fake_logits=fake_logits,
        gradients=gradients,
        averages=averages,
        losses={name: np.array([terms[name].item() for terms in losses]) for name in losses[0]},
    )


def kink_margin(experiment: str) -> float:
    """How clear of the activations' kinks the first batch keeps.

    Returns:
        The smallest ratio, over the batch norms, of the output nearest to 0 to the largest rounding error of the
        outputs (float32 against float64). Above 1, none can round to the other side.
    """
    single, double = (_norm_outputs(experiment, dtype) for dtype in (torch.float32, torch.float64))
    return min(
        (exact.abs().min() / (rounded - exact).abs().max()).item()
        for rounded, exact in zip(single, double, strict=True)
    )


def drift(experiment: str) -> float:
    """The largest relative difference between float32 and float64 of any loss over the first steps."""
    single, double = (run_pytorch(experiment, dtype).losses for dtype in (torch.float32, torch.float64))
    return max(np.max(np.abs(single[name] / double[name] - 1.0)) for name in double)


def _norm_outputs(experiment: str, dtype: torch.dtype) -> list[Tensor]:
    step = recipe_train_step(experiment, dtype)
    outputs = []
    for network in _networks(step).values():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(lambda _, __, output: outputs.append(output))
    with torch.no_grad():
        step.losses(_batch(0, recipe.SEED))
    return outputs


def _networks(step: TrainStep) -> dict[str, nn.Module]:
    networks = {"generator": step.generator, "discriminator": step.discriminator}
    return {name: network for name, network in networks.items() if network is not None}


def _batch(index: int, seed: int) -> Tensor:
    return torch.from_numpy(recipe.photographs(index, seed))


def _outputs(step: TrainStep, batch: Tensor) -> dict[str, list[np.ndarray]]:
    """What each network answers, call by call, while the losses of a batch are taken."""
    outputs = {}
    for name, network in _networks(step).items():
        outputs[name] = []

        def keep(_module: nn.Module, _inputs: object, output: Tensor, answers: list = outputs[name]) -> None:
            answers.append(output.permute(0, 2, 3, 1).numpy())

        network.register_forward_hook(keep)
    with torch.no_grad():
        step.losses(batch)
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


def main() -> None:
    """Writes the golden values, or shows the margins."""
    parser = argparse.ArgumentParser(description="Makes the golden values of the tests.")
    parser.add_argument("--margins", action="store_true", help="show how clear of kinks the recipe keeps")
    if parser.parse_args().margins:
        for experiment in EXPERIMENTS:
            print(f"{experiment:14} margin {kink_margin(experiment):.1f} drift {drift(experiment):.0e}")
        return
    GOLDEN.mkdir(exist_ok=True)
    for experiment in EXPERIMENTS:
        values = golden_values(run_pytorch(experiment))
        np.savez_compressed(GOLDEN / f"{experiment}.npz", allow_pickle=False, **values)
        print(f"{experiment}.npz: {sum(value.size for value in values.values())} numbers")


if __name__ == "__main__":
    main()
