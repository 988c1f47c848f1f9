"""Makes the golden values in `tests/golden` with the PyTorch reference.

From the root of the project:
    python -m benchmarks.parity.make_golden             writes tests/golden/EXPERIMENT.npz and paper_*.npz
    python -m benchmarks.parity.make_golden --report    shows how far the two programs are apart, and writes nothing
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks.parity import jax_side, paper_jax_side, paper_pytorch_side, paper_run, pytorch_side, run
from benchmarks.parity.paper_cases import NETWORKS, STEPS
from benchmarks.pytorch_reference import EXPERIMENTS

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def main() -> None:
    """Writes the golden values, or shows the report."""
    parser = argparse.ArgumentParser(description="Makes the golden values of the tests.")
    parser.add_argument("--report", action="store_true", help="show how far the two programs are apart instead")
    if parser.parse_args().report:
        report()
        return
    GOLDEN.mkdir(exist_ok=True)
    for name in EXPERIMENTS:
        _write(name, run.golden_values(pytorch_side.run_pytorch(name)))
    shares = paper_jax_side.penalty_shares()
    outputs = {name: paper_run.golden_outputs(paper_pytorch_side.pytorch_outputs(name)) for name in NETWORKS}
    steps = {name: paper_run.golden_run(paper_pytorch_side.run_pytorch(name, shares)) for name in STEPS}
    for file, cases in (("paper_networks", outputs), ("paper_steps", steps)):
        _write(file, {f"{name}/{key}": value for name, case in cases.items() for key, value in case.items()})


def report() -> None:
    """Shows a line for each case: the largest differences, and in brackets what float32 alone explains of them.

    Those of outputs are absolute, those of gradients and losses are relative to their scales. What float32 explains is
    how far PyTorch in float32 is from PyTorch in float64.
    """
    for name in EXPERIMENTS:
        runs = jax_side.run_jax(name), pytorch_side.run_pytorch(name), pytorch_side.run_pytorch(name, torch.float64)
        scales = run.gradient_scales(runs[1].gradients), runs[1].losses
        print(f"{name:22} {_outputs(*(one.outputs for one in runs))}  {_training(*runs, *scales)}", flush=True)
    for name in NETWORKS:
        ours, theirs = paper_jax_side.jax_outputs(name), paper_pytorch_side.pytorch_outputs(name)
        exact = paper_pytorch_side.pytorch_outputs(name, torch.float64)
        print(f"{name:22} {_outputs(ours, theirs, exact)}", flush=True)
    shares = paper_jax_side.penalty_shares()
    for name in STEPS:
        single = paper_pytorch_side.run_pytorch(name, shares)
        double = paper_pytorch_side.run_pytorch(name, shares, torch.float64)
        scales = paper_run.gradient_scales(single.gradients), paper_run.loss_scales(single.losses)
        print(f"{name:22} {_training(paper_jax_side.run_jax(name), single, double, *scales)}", flush=True)


def _write(name: str, values: dict[str, np.ndarray]) -> None:
    np.savez_compressed(GOLDEN / f"{name}.npz", allow_pickle=False, **values)
    print(f"{name}.npz: {sum(value.size for value in values.values())} numbers")


def _outputs(ours: run.Tensors, theirs: run.Tensors, exact: run.Tensors) -> str:
    def apart(one: run.Tensors, other: run.Tensors) -> float:
        return max(np.max(np.abs(value - other[name]), initial=0.0) for name, value in one.items())

    return f"outputs {apart(ours, theirs):.1e} ({apart(theirs, exact):.1e})"


def _training(
    ours: run.Run,
    theirs: run.Run,
    exact: run.Run,
    gradient_scales: Mapping[str, float],
    loss_scales: Mapping[str, float | np.ndarray],
) -> str:
    def apart(one: run.Run, other: run.Run) -> tuple[float, float, float]:
        norms = [np.linalg.norm(one.gradients[k] - other.gradients[k]) / scale for k, scale in gradient_scales.items()]
        losses = np.array([np.abs(one.losses[k] - other.losses[k]) / scale for k, scale in loss_scales.items()])
        return float(max(norms)), losses[:, 0].max(), losses.max()

    kinds = ("gradients", "losses of the first step", "of all")
    pairs = zip(kinds, apart(ours, theirs), apart(theirs, exact), strict=True)
    return "  ".join(f"{kind} {one:.1e} ({other:.1e})" for kind, one, other in pairs)


if __name__ == "__main__":
    main()
