"""Two processes of one run: one killed, one stopped, and the network between them cut."""

import os
import shutil
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
    """Both processes, each behind a command of its own, such as one that enters a network; they say little."""

    def __init__(self, folder, environ, arguments, host="127.0.0.1", before=((), ())):
        port = free_port()
        flags = [f"--coordinator={host}:{port}", "--num_processes=2", f"--lost_timeout={LOST_TIMEOUT}"]
        self.processes = []
        for number in (0, 1):
            with open(folder / f"said_{number}.txt", "w") as said:
                whole = [*before[number], *arguments, *flags, f"--process_id={number}"]
                self.processes.append(subprocess.Popen(whole, env=environ, stderr=said))

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


def assert_ends(process, seconds):
    begin = time.monotonic()
    assert process.wait(seconds) != 0
    return time.monotonic() - begin


def assert_goes_on(tmp_path, photo_folder, environ):
    """The same two commands go on from the newest checkpoint, and nothing in the metrics is missing or twice."""
    workdir = tmp_path / "run"
    steps = newest(workdir / "checkpoints") + 10
    arguments = command(workdir, photo_folder, **STEPS | {"num_steps": steps})
    with Two(tmp_path, environ, arguments) as two:
        assert [process.wait(100) for process in two.processes] == [0, 0], (tmp_path / "said_0.txt").read_text()
    assert f"after step {steps - 10:,}" in (tmp_path / "said_0.txt").read_text()
    training = [record["step"] for record in read_metrics(workdir / "metrics.jsonl") if "g_loss" in record]
    assert training == list(range(10, steps + 1, 10))


@pytest.mark.parametrize("harmed", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_where_one_is_gone_both_end_and_the_run_goes_on(how, harmed, tmp_path, photo_folder, environ):
    with Two(tmp_path, environ, command(tmp_path / "run", photo_folder, **STEPS)) as two:
        two.wait_for_step(tmp_path / "run", 20)
        two.processes[harmed].send_signal(how)
        assert_ends(two.processes[1 - harmed], LOST_TIMEOUT + 15)
        if how == signal.SIGSTOP:
            two.processes[harmed].send_signal(signal.SIGCONT)
        assert_ends(two.processes[harmed], LOST_TIMEOUT + 15)
    assert_goes_on(tmp_path, photo_folder, environ)


# Gloo listens at the address of the machine's name: here the name is that address, so nothing has to look it up.
WITH_NAME = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'


@pytest.fixture
def networks():
    """Two networks that are joined by one cable, gone when they are not needed any more."""
    names = [f"run{os.getpid()}{side}" for side in "ab"]
    cable = [f"v{os.getpid() % 10**7}{side}" for side in "ab"]
    addresses = ["10.99.0.1", "10.99.0.2"]

    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True, text=True)

    if not all(map(shutil.which, ("ip", "unshare"))):
        pytest.skip("needs ip and unshare")
    try:
        for name in names:
            if (made := ip("netns", "add", name)).returncode:
                pytest.skip(f"no network can be made here: {made.stderr.strip()}")
        made = ip(
            "link", "add", cable[0], "netns", names[0], "type", "veth", "peer", "name", cable[1], "netns", names[1]
        )
        if made.returncode:
            pytest.skip(f"no cable can be made here: {made.stderr.strip()}")
        for name, end, address in zip(names, cable, addresses, strict=True):
            for words in (["addr", "add", f"{address}/24", "dev", end], ["link", "set", end, "up"]):
                assert ip("-n", name, *words).returncode == 0
            assert ip("-n", name, "link", "set", "lo", "up").returncode == 0
        enter = [
            ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", WITH_NAME, address]
            for name, address in zip(names, addresses, strict=True)
        ]
        yield addresses[0], enter, lambda: ip("-n", names[0], "link", "set", cable[0], "down")
    finally:
        for name in names:
            ip("netns", "del", name)


def test_where_the_network_is_cut_both_end_and_the_run_goes_on(networks, tmp_path, photo_folder, environ):
    host, enter, cut = networks
    with Two(tmp_path, environ, command(tmp_path / "run", photo_folder, **STEPS), host, enter) as two:
        two.wait_for_step(tmp_path / "run", 20)
        assert cut().returncode == 0
        for process in two.processes:
            assert_ends(process, LOST_TIMEOUT + 30)
    assert_goes_on(tmp_path, photo_folder, environ)
