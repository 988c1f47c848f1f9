"""One run, killed again and again."""

import json
import random
import signal
import time

import pytest
from tiny_runs import assert_same_state, command, read_until, run, start

from pix2pix_jax.runs import newest, read_metrics

KILLS = 30
INTERVAL = 200

pytestmark = pytest.mark.process


def flags(steps):
    return {"num_steps": steps, "checkpoint_every_steps": INTERVAL, "eval_every_steps": 500, "sample_every_steps": 1000}


def last_step(workdir):
    """The last step in the metrics, of which the kill may have torn the last line."""
    for line in reversed((workdir / "metrics.jsonl").read_text().split("\n")[:-1]):
        return json.loads(line)["step"]
    return 0


def without_pace(records):
    return [
        {name: value for name, value in record.items() if name not in ("images_per_second", "data_wait_share")}
        for record in records
    ]


def test_thirty_kills_change_nothing(tmp_path, photo_folder, environ):
    endless = command(tmp_path / "killed", photo_folder, **flags(10**6))
    begin = time.monotonic()
    process = start(endless, environ)
    read_until(process, "took the first step")
    startup = time.monotonic() - begin
    lost, draw = [], random.Random(0)
    for number in range(KILLS):
        if number:
            process = start(endless, environ)
        process.stderr.close()
        # From the imports to about as many steps as the start took.
        time.sleep(draw.uniform(0.1, 2.0) * startup)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (tmp_path / "killed" / "metrics.jsonl").exists():
            lost.append(last_step(tmp_path / "killed") - newest(tmp_path / "killed" / "checkpoints"))
    # One interval, and the steps taken while the last checkpoint was being written.
    assert max(lost) < 2 * INTERVAL, lost
    steps = newest(tmp_path / "killed" / "checkpoints") + INTERVAL
    assert steps > 5 * INTERVAL
    for name in ("killed", "unbroken"):
        done = run(command(tmp_path / name, photo_folder, **flags(steps)), environ, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "damaged" not in done.stderr
    assert_same_state(tmp_path / "killed", tmp_path / "unbroken", steps)
    records = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("killed", "unbroken")]
    assert without_pace(records[0]) == without_pace(records[1])
    assert (tmp_path / "killed" / "metrics.jsonl").read_text().count("\n") == len(records[0])
    print(f"{KILLS} kills, {steps} steps; lost at most {max(lost)} steps, {sorted(lost)}")
