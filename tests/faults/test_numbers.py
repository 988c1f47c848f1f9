"""Numbers that go wrong, numbers that must not differ, and a long run."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from tiny_runs import assert_same_state, checkpoint, command, one_line, run, start, wait_for

from pix2pix_jax.runs import newest, read_metrics

pytestmark = pytest.mark.process

# As train.py, with a NaN put into what the step of a number is given.
POISONED = """
import os, runpy, sys
import jax, jax.numpy as jnp
from pix2pix_jax.training import parallel

make, what, at = parallel.parallel_train_step, os.environ["POISON"], int(os.environ["POISONED_STEP"])

def first_is_nan(tree):
    leaves, structure = jax.tree.flatten(tree)
    place = next(n for n, leaf in enumerate(leaves) if leaf.ndim)
    leaves[place] = leaves[place].at[(0,) * leaves[place].ndim].set(jnp.nan)
    return jax.tree.unflatten(structure, leaves)

def poisoned(model):
    mapped, taken = make(model), 0
    def take(state, images):
        nonlocal taken
        taken += 1
        if taken == at:
            poisoned = {what: first_is_nan(getattr(state.generator, what))}
            state = parallel.place(state.replace(generator=state.generator.replace(**poisoned)))
        return mapped(state, images)
    return take

parallel.parallel_train_step = poisoned
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("what", ["params", "opt_state"])
def test_a_nan_is_found_within_a_logging_interval_and_never_saved(what, tmp_path, photo_folder, environ):
    python, *train = command(tmp_path / "run", photo_folder, num_steps=100, checkpoint_every_steps=7)
    poison = environ | {"POISON": what, "POISONED_STEP": "25", "PYTHONPATH": str(ROOT)}
    done = run([python, "-c", POISONED, *train], poison)
    assert done.returncode == 1, done.stderr
    said = one_line(done.stderr[done.stderr.index("error: ") :])
    step = 26 if what == "opt_state" else 25  # whose parameters the one before has made
    assert f" became nan at step {step}: training stopped" in said
    assert said.startswith("error: loss term ")
    assert "the last good checkpoint is step 21 in " in said
    assert newest(tmp_path / "run" / "checkpoints") == 21
    assert all(np.isfinite(leaf).all() for leaf in checkpoint(tmp_path / "run", 21).values())
    assert read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]["step"] == 20


def test_the_same_seed_gives_the_same_bits(tmp_path, photo_folder, environ):
    for name, changes in {"one": {}, "two": {"data__cache": "none"}, "other": {"seed": 1}}.items():
        done = run(command(tmp_path / name, photo_folder, num_steps=60, **changes), environ)
        assert done.returncode == 0, done.stderr
    assert_same_state(tmp_path / "one", tmp_path / "two", 60)
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        assert_same_state(tmp_path / "one", tmp_path / "other", 60)


def held(process):
    """Resident memory in MB, open files, and threads of a process."""
    folder = Path(f"/proc/{process.pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, len(os.listdir(folder / "fd")), int(status["Threads"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_long_run_takes_no_more_and_more(tmp_path, photo_folder, environ):
    often = {"log_every_steps": 20, "checkpoint_every_steps": 250, "eval_every_steps": 500, "sample_every_steps": 500}
    path, said = tmp_path / "run" / "metrics.jsonl", tmp_path / "said.txt"
    with said.open("w") as file:  # all of it might not fit into a pipe
        process = start(command(tmp_path / "run", photo_folder, num_steps=10_500, **often), environ, stderr=file)

    def is_there(step):
        return path.exists() and f'{{"step": {step},' in path.read_text()

    def held_at(step):
        """Memory at a step; the fewest files and threads of the next 200, as checkpoints have some while written."""
        wait_for(lambda: is_there(step), process, 600, said)
        looks = [held(process)]
        wait_for(lambda: looks.append(held(process)) or is_there(step + 200), process, 100, said)
        memory, files, threads = zip(*looks, strict=True)
        return memory[0], min(files), min(threads)

    begin, end = held_at(520), held_at(10_020)
    assert process.wait(100) == 0, said.read_text()
    print(f"memory, files, threads: {begin} at step 520, {end} at step 10,020")
    assert end[0] < 1.05 * begin[0], (begin, end)
    assert end[1] <= begin[1] + 3, (begin, end)
    assert end[2] <= begin[2] + 6, (begin, end)
