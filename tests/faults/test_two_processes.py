"""Two processes of one run, of which one is killed or does not answer any more."""

import signal
import socket
import subprocess
import time

import pytest
from tiny_runs import command

from pix2pix_jax.runs import newest, read_metrics

pytestmark = pytest.mark.process

LOST_TIMEOUT = 5
STEPS = {"num_steps": 10**6, "checkpoint_every_steps": 20}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Two:
    """Both processes; what they say goes to files."""

    def __init__(self, folder, environ, arguments):
        port = free_port()
        flags = [f"--coordinator=127.0.0.1:{port}", "--num_processes=2", f"--lost_timeout={LOST_TIMEOUT}"]
        self.processes = []
        for number in (0, 1):
            with open(folder / f"said_{number}.txt", "w") as said:
                own = [*arguments, *flags, f"--process_id={number}"]
                self.processes.append(subprocess.Popen(own, env=environ, stderr=said))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def wait_for_step(self, workdir, step, seconds=100):
        end = time.monotonic() + seconds
        while newest(workdir / "checkpoints") < step:
            assert [process.poll() for process in self.processes] == [None, None]
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.mark.parametrize("harmed", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_where_one_is_gone_both_end_and_the_run_goes_on(how, harmed, tmp_path, photo_folder, environ):
    workdir = tmp_path / "run"
    with Two(tmp_path, environ, command(workdir, photo_folder, **STEPS)) as two:
        two.wait_for_step(workdir, 20)
        two.processes[harmed].send_signal(how)
        assert two.processes[1 - harmed].wait(LOST_TIMEOUT + 15) != 0
        if how == signal.SIGSTOP:
            two.processes[harmed].send_signal(signal.SIGCONT)
        assert two.processes[harmed].wait(LOST_TIMEOUT + 15) != 0
    # The same two commands go on from the newest checkpoint, and nothing in the metrics is missing or twice.
    steps = newest(workdir / "checkpoints") + 10
    arguments = command(workdir, photo_folder, **STEPS | {"num_steps": steps})
    with Two(tmp_path, environ, arguments) as two:
        assert [process.wait(100) for process in two.processes] == [0, 0], (tmp_path / "said_0.txt").read_text()
    assert f"after step {steps - 10:,}" in (tmp_path / "said_0.txt").read_text()
    training = [record["step"] for record in read_metrics(workdir / "metrics.jsonl") if "g_loss" in record]
    assert training == list(range(10, steps + 1, 10))
