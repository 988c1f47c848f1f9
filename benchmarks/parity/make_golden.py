"""Makes the golden values in `tests/golden` with the PyTorch reference.

From the root of the project:
    python -m benchmarks.parity.make_golden             writes tests/golden/EXPERIMENT.npz and paper_*.npz
    python -m benchmarks.parity.make_golden --report    shows how far the two programs are apart, and writes nothing
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.parity import paper_golden, recipe
from benchmarks.parity.jax_side import run_jax
from benchmarks.parity.pytorch_side import kink_margin, run_pytorch
from benchmarks.parity.run import Run, golden_values, gradient_scales
from benchmarks.pytorch_reference import EXPERIMENTS

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def main() -> None:
    """Writes the golden values, or shows the report."""
    parser = argparse.ArgumentParser(description="Makes the golden values of the tests.")
    parser.add_argument("--report", action="store_true", help="show how far the two programs are apart instead")
    if parser.parse_args().report:
        for experiment in EXPERIMENTS:
            print(report(experiment), flush=True)
        paper_golden.report()
        return
    GOLDEN.mkdir(exist_ok=True)
    for experiment in EXPERIMENTS:
        values = golden_values(run_pytorch(experiment))
        np.savez_compressed(GOLDEN / f"{experiment}.npz", allow_pickle=False, **values)
        print(f"{experiment}.npz: {sum(value.size for value in values.values())} numbers")
    paper_golden.write(GOLDEN)


def report(experiment: str) -> str:
    """One line: the largest differences between the programs, and how much of them float32 alone explains.

    Differences of outputs are absolute, those of losses are relative, and those of gradients are relative to their
    scale (see `gradient_scales`). "Drift" is how far the losses of PyTorch in float32 are from those in float64.
    "Margin" is `kink_margin`.
    """
    ours, theirs, exact = run_jax(experiment), run_pytorch(experiment), run_pytorch(experiment, torch.float64)
    pairs = [(getattr(ours, name), getattr(theirs, name)) for name in ("made", "colored", "real_logits", "fake_logits")]
    outputs = max(np.max(np.abs(one - other), initial=0.0) for one, other in pairs)
    scales = gradient_scales(theirs.gradients)
    gradients = max(
        np.linalg.norm(ours.gradients[name] - gradient) / scales[name] for name, gradient in theirs.gradients.items()
    )
    first, through = _loss_errors(ours, theirs)
    return (
        f"{experiment:12} outputs {outputs:.1e}  gradients {gradients:.1e}  losses {first:.1e}"
        f"  through {recipe.STEPS} steps {through:.1e}"
        f"  (drift {_loss_errors(theirs, exact)[1]:.1e}, margin {kink_margin(experiment):.1f})"
    )


def _loss_errors(run: Run, reference: Run) -> tuple[float, float]:
    """The largest relative difference of any loss term: at the first step, and at any step."""
    errors = np.array([np.abs(run.losses[name] / reference.losses[name] - 1.0) for name in reference.losses])
    return errors[:, 0].max(), errors.max()


if __name__ == "__main__":
    main()
