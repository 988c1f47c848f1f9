"""Golden values of the paper's networks, and how far the two programs are apart; see `make_golden`."""

from pathlib import Path

import numpy as np
import torch

from benchmarks.parity.paper_cases import NETWORKS, STEPS
from benchmarks.parity.paper_jax_side import jax_outputs, penalty_shares, run_jax
from benchmarks.parity.paper_pytorch_side import pytorch_outputs, run_pytorch
from benchmarks.parity.paper_run import Outputs, Run, golden_outputs, golden_run, gradient_scales, loss_scales


def write(folder: Path) -> None:
    """Writes `paper_networks.npz` and `paper_steps.npz`, arrays named CASE/VALUE."""
    outputs = {name: golden_outputs(pytorch_outputs(name)) for name in NETWORKS}
    runs = {name: golden_run(run_pytorch(name, penalty_shares())) for name in STEPS}
    for file, cases in (("paper_networks", outputs), ("paper_steps", runs)):
        values = {f"{name}/{key}": value for name, case in cases.items() for key, value in case.items()}
        np.savez_compressed(folder / f"{file}.npz", allow_pickle=False, **values)
        print(f"{file}.npz: {sum(value.size for value in values.values())} numbers")


def report() -> None:
    """Shows a line for each case: the largest differences, and in brackets what float32 alone explains of them.

    Of outputs they are absolute, of gradients and losses relative to their scales. What float32 explains is how far
    PyTorch in float32 is from PyTorch in float64.
    """
    for name in NETWORKS:
        theirs = pytorch_outputs(name)
        ours, exact = jax_outputs(name), pytorch_outputs(name, torch.float64)
        print(f"{name:22} outputs {_apart(ours, theirs):.1e} ({_apart(theirs, exact):.1e})", flush=True)
    shares = penalty_shares()
    for name in STEPS:
        theirs = run_pytorch(name, shares)
        ours, exact = _errors(run_jax(name), theirs), _errors(theirs, run_pytorch(name, shares, torch.float64))
        kinds = ("gradients", "losses of the first step", "of all")
        words = [f"{kind} {one:.1e} ({other:.1e})" for kind, one, other in zip(kinds, ours, exact, strict=True)]
        print(f"{name:22} {'  '.join(words)}", flush=True)


def _apart(ours: Outputs, theirs: Outputs) -> float:
    return max(float(np.max(np.abs(one - other))) for one, other in zip(ours, theirs, strict=True))


def _errors(ours: Run, theirs: Run) -> tuple[float, float, float]:
    gradients = [
        float(np.linalg.norm(ours.gradients[name] - theirs.gradients[name])) / scale
        for name, scale in gradient_scales(theirs.gradients).items()
    ]
    scales = loss_scales(theirs.losses)
    losses = np.array([np.abs(ours.losses[name] - theirs.losses[name]) / scale for name, scale in scales.items()])
    return max(gradients), float(losses[:, 0].max()), float(losses.max())
