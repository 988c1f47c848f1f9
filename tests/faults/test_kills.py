"""One run, killed again and again."""

import json
import random
import signal
import time

import pytest
from tiny_runs import assert_same_state, command, run, start, wait_for

from pix2pix_jax.runs import newest, read_metrics

KILLS = 30
INTERVAL = 200

pytestmark = pytest.mark.process


FLAGS = {"checkpoint_every_steps": INTERVAL, "eval_every_steps": 500, "sample_every_steps": 1000}


def last_step(workdir):
    """The last step in the metrics, of which the kill may have torn the last line."""
    lines = (workdir / "metrics.jsonl").read_text().split("\n")
    return json.loads(lines[-2])["step"] if len(lines) > 1 else 0


def metrics(workdir):
    """All records, without what depends on the time."""
    timed = ("images_per_second", "data_wait_share")
    records = read_metrics(workdir / "metrics.jsonl")
    return [{name: value for name, value in record.items() if name not in timed} for record in records]


def test_thirty_kills_change_nothing(tmp_path, photo_folder, environ):
    workdir, said = tmp_path / "killed", tmp_path / "said.txt"
    compiling = environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}

    def begin(environ):
        # Not into a pipe, which would break, or fill, where nobody reads it.
        with said.open("w") as file:
            return start(command(workdir, photo_folder, num_steps=10**6, **FLAGS), environ, stderr=file)

    def wait_for_first_step():
        wait_for(lambda: "took the first step" in said.read_text(), process, 300, said)

    begun = time.monotonic()
    process = begin(compiling)
    wait_for_first_step()
    startup = time.monotonic() - begun
    lost, draw = [], random.Random(0)
    for number in range(KILLS):
        if number % 2:  # imports, compiling
            process = begin(compiling)
            time.sleep(draw.uniform(0.1, 1.0) * startup)
        else:  # steps, checkpoints, figures
            if number:
                process = begin(environ)
                wait_for_first_step()
            goal = newest(workdir / "checkpoints") + draw.randint(0, 1500)
            wait_for(lambda goal=goal: last_step(workdir) >= goal, process, 300, said)
            time.sleep(draw.uniform(0.0, 0.5))
        assert process.poll() is None, said.read_text()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert "damaged" not in said.read_text()
        lost.append(last_step(workdir) - newest(workdir / "checkpoints"))
    assert max(lost) <= INTERVAL, lost
    steps = newest(workdir / "checkpoints") + INTERVAL
    assert steps > 5 * INTERVAL
    for name in ("killed", "unbroken"):
        done = run(command(tmp_path / name, photo_folder, num_steps=steps, **FLAGS), environ, timeout=600)
        assert done.returncode == 0, done.stderr
        assert "damaged" not in done.stderr
    assert_same_state(workdir, tmp_path / "unbroken", steps)
    assert metrics(workdir) == metrics(tmp_path / "unbroken")
