"""Makes the golden values in `tests/golden` with the PyTorch reference.

From the root of the project:
    python -m benchmarks.parity.make_golden             writes tests/golden/trainings.npz and networks.npz
    python -m benchmarks.parity.make_golden --report    shows how far the two programs are apart, and writes nothing
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.parity import run
from benchmarks.parity.cases import NETWORKS, TRAININGS
from benchmarks.parity.jax_side import jax_outputs, run_jax
from benchmarks.parity.pytorch_side import pytorch_outputs, run_pytorch

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def main() -> None:
    """Writes the golden values, or shows the report."""
    parser = argparse.ArgumentParser(description="Makes the golden values of the tests.")
    parser.add_argument("--report", action="store_true", help="show how far the two programs are apart instead")
    if parser.parse_args().report:
        report()
        return
    outputs = {name: run.golden_outputs(pytorch_outputs(name)) for name in NETWORKS}
    trainings = {name: run.golden_run(run_pytorch(name)) for name in TRAININGS}
    for file, cases in (("networks", outputs), ("trainings", trainings)):
        values = {f"{name}/{key}": value for name, case in cases.items() for key, value in case.items()}
        np.savez_compressed(GOLDEN / f"{file}.npz", allow_pickle=False, **values)
        print(f"{file}.npz: {sum(value.size for value in values.values())} numbers")


def report() -> None:
    """Shows a line for each case: the largest differences, and in brackets what float32 alone explains of them.

    Those of outputs are absolute, those of gradients and losses are relative to their scales. What float32 explains is
    how far PyTorch in float32 is from PyTorch in float64.
    """
    for name in NETWORKS:
        single, double = pytorch_outputs(name), pytorch_outputs(name, torch.float64)
        print(f"{name:22} {_outputs(jax_outputs(name), single, double)}", flush=True)
    for name in TRAININGS:
        runs = run_jax(name), run_pytorch(name), run_pytorch(name, torch.float64)
        outputs = _outputs(*(one.outputs for one in runs)) + "  " if runs[0].outputs else ""
        print(f"{name:22} {outputs}{_training(*runs)}", flush=True)


def _outputs(ours: run.Values, theirs: run.Values, exact: run.Values) -> str:
    def apart(one: run.Values, other: run.Values) -> float:
        return max(np.max(np.abs(value - other[name])) for name, value in one.items())

    return f"outputs {apart(ours, theirs):.1e} ({apart(theirs, exact):.1e})"


def _training(ours: run.Run, theirs: run.Run, exact: run.Run) -> str:
    gradient_scales, loss_scales = run.gradient_scales(theirs.gradients), run.loss_scales(theirs.losses)

    def apart(one: run.Run, other: run.Run) -> tuple[float, float, float]:
        norms = [np.linalg.norm(one.gradients[k] - other.gradients[k]) / scale for k, scale in gradient_scales.items()]
        losses = np.array([np.abs(one.losses[k] - other.losses[k]) / scale for k, scale in loss_scales.items()])
        return float(max(norms)), losses[:, 0].max(), losses.max()

    kinds = ("gradients", "losses of the first step", "of all")
    pairs = zip(kinds, apart(ours, theirs), apart(theirs, exact), strict=True)
    return "  ".join(f"{kind} {one:.1e} ({other:.1e})" for kind, one, other in pairs)


if __name__ == "__main__":
    main()
