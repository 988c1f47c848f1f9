"""Training in several processes as a user runs it: real ones, over loopback, really killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import ROOT
from tiny_runs import photographs_command

from pix2pix_jax.errors import UserError
from pix2pix_jax.runs.checkpoints import newest
from pix2pix_jax.runs.metrics import read_metrics
from pix2pix_jax.training import processes

LOST_TIMEOUT = 5

# As train.py, with every batch that the mapped step is given also written to a file.
RECORDING = """
import os, runpy, sys
import jax, numpy as np
from pix2pix_jax.training import parallel

make, batches = parallel.parallel_train_step, []

def recording(model):
    mapped = make(model)
    def take(state, images):
        batches.append(np.asarray(images))
        np.save(f"{os.environ['RECORD']}{jax.process_index()}.npy", np.stack(batches))
        return mapped(state, images)
    return take

parallel.parallel_train_step = recording
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Two devices a process, and a compilation cache that all share."""
    return os.environ | {
        "XLA_FLAGS": os.environ["XLA_FLAGS"].replace("device_count=8", "device_count=2"),
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
    }


def command(workdir, folder, *flags):
    """Trains without a discriminator, which compiles fast; later flags win over earlier ones."""
    return [
        *photographs_command(workdir, folder),
        f"--config={ROOT}/configs/ycrcb_l1.py",
        "--config.batch_size=8",
        "--config.num_steps=5",
        "--config.eval_every_steps=100000",
        "--config.sample_every_steps=100000",
        "--config.checkpoint_every_steps=2",
        "--config.seed=1",  # from the weights of seed 0 an activation lies on a kink, and rounding decides its side
        *flags,
    ]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Pair:
    """Two processes of one run, their output in files."""

    def __init__(self, folder, environment, arguments, arguments_of_second=()):
        port, self.files = free_port(), [folder / "errors_0.txt", folder / "errors_1.txt"]
        self.processes = []
        for process, path in enumerate(self.files):
            flags = (f"--coordinator=127.0.0.1:{port}", "--num_processes=2", f"--process_id={process}")
            with path.open("w") as errors:
                whole = [sys.executable, *arguments, *flags, f"--lost_timeout={LOST_TIMEOUT}"]
                whole += arguments_of_second if process == 1 else ()
                self.processes.append(
                    subprocess.Popen(whole, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
                )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def errors(self, process):
        return self.files[process].read_text()

    def complaints(self, process):
        """What it has said, apart from three things.

        Whichever comes first decodes; Orbax warns of a checkpoint that was whole, but not yet described, when its
        writer was killed; and JAX says that it has caught a SIGTERM, and after which step it stops.
        """
        usual = ("decoding ", "_CHECKPOINT_METADATA", "preemption")
        return [line for line in self.errors(process).splitlines() if not any(word in line for word in usual)]

    def wait(self, seconds=120):
        end = time.monotonic() + seconds
        return [process.wait(max(end - time.monotonic(), 0.1)) for process in self.processes]

    def wait_for_step(self, workdir, step, seconds=120):
        end = time.monotonic() + seconds
        while newest(workdir / "checkpoints") < step:
            assert [process.poll() for process in self.processes] == [None, None], self.errors(0) + self.errors(1)
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, photo_folder, environment):
    """A run in two processes with two devices each, the second of which was asked to stop: its folder, and both."""
    folder = tmp_path_factory.mktemp("pair")
    arguments = ["-c", RECORDING, *command(folder / "run", photo_folder, "--config.num_steps=10000")]
    record = {"RECORD": str(folder / "batches_"), "PYTHONPATH": str(ROOT)}
    with Pair(folder, environment | record, arguments) as pair:
        pair.wait_for_step(folder / "run", 4)
        pair.processes[1].send_signal(signal.SIGTERM)
        pair.wait()
        return folder, pair


def training_records(workdir):
    return [record for record in read_metrics(workdir / "metrics.jsonl") if "g_loss" in record]


@pytest.mark.process
def test_two_processes_do_as_one_with_as_many_devices(tmp_path, photo_folder, environment, stopped):
    folder, _ = stopped
    four = environment | {
        "XLA_FLAGS": environment["XLA_FLAGS"].replace("device_count=2", "device_count=4"),
        "RECORD": str(tmp_path / "batches_"),
        "PYTHONPATH": str(ROOT),
    }
    whole = [sys.executable, "-c", RECORDING, *command(tmp_path / "run", photo_folder)]
    result = subprocess.run(whole, env=four, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    shares = [np.load(folder / f"batches_{process}.npy")[:5] for process in (0, 1)]
    batches = np.load(tmp_path / "batches_0.npy")
    assert batches.shape == (5, 4, 2, 32, 32, 3)
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), batches)
    one, two = training_records(tmp_path / "run"), training_records(folder / "run")[:5]
    assert [record["step"] for record in two] == [1, 2, 3, 4, 5]
    for wanted, got in zip(one, two, strict=True):
        for term in ("g_loss", "g_l1_rgb", "g_l1_chroma"):
            assert got[term] == pytest.approx(wanted[term], rel=1e-4, abs=0), (term, wanted["step"])


@pytest.mark.process
def test_processes_stop_after_the_same_step_when_one_is_asked_to(stopped):
    folder, pair = stopped
    assert [process.returncode for process in pair.processes] == [128 + signal.SIGTERM] * 2, pair.errors(0)
    step = newest(folder / "run" / "checkpoints")
    assert [len(np.load(folder / f"batches_{process}.npy")) for process in (0, 1)] == [step, step]
    assert training_records(folder / "run")[-1]["step"] == step
    assert f"SIGTERM: stopped after step {step};" in pair.errors(0)
    assert pair.complaints(1) == []


@pytest.mark.process
def test_a_run_whose_processes_are_killed_goes_on(tmp_path, photo_folder, environment, stopped):
    workdir = tmp_path / "run"
    shutil.copytree(stopped[0] / "run", workdir)
    arguments = command(workdir, photo_folder, "--config.num_steps=10000")
    step = newest(workdir / "checkpoints")
    for killed, left in ((1, 0), (0, 1)):  # process 0 is the coordinator
        with Pair(tmp_path, environment, arguments) as pair:
            pair.wait_for_step(workdir, step + 1)
            pair.processes[killed].send_signal(signal.SIGKILL)
            start = time.monotonic()
            assert pair.processes[left].wait(60) != 0, pair.errors(left)
            assert time.monotonic() - start < LOST_TIMEOUT + 10
            assert f"resuming {workdir} after step {step}\n" in pair.errors(0)
            step = newest(workdir / "checkpoints")
    with Pair(tmp_path, environment, [*arguments, f"--config.num_steps={step + 1}"]) as pair:
        assert pair.wait() == [0, 0], pair.errors(0) + pair.errors(1)
    assert f"step {step + 1}/{step + 1}" in pair.errors(0)
    assert pair.complaints(1) == []
    assert newest(workdir / "checkpoints") == step + 1
    # Process 0 alone has written: every record is there once, and so is the sheet of the last step.
    assert [record["step"] for record in read_metrics(workdir / "metrics.jsonl")] == [0, *range(1, step + 2), step + 1]
    assert [path.name for path in (workdir / "samples").iterdir()] == [f"step_{step + 1:08d}.png"]
    assert len(list((workdir / "tensorboard").iterdir())) == 4


@pytest.mark.process
@pytest.mark.parametrize("what", ["config", "folder", "photographs"])
def test_processes_that_differ_are_refused_by_name(what, tmp_path, photo_folder, environment):
    fewer = tmp_path / "fewer"
    shutil.copytree(photo_folder, fewer)
    (fewer / "00.png").unlink()
    shared = command(tmp_path / "run", photo_folder)
    run_before = tmp_path / "another"
    shutil.copytree(ROOT / "tests" / "runs" / "run_of_0.1", run_before)
    second, name = {
        "config": (["--config.seed=0"], "config.seed (1 in process 0)"),
        "folder": ([f"--workdir={run_before}"], "the newest checkpoint (0 in process 0)"),
        "photographs": ([f"--config.data.root={fewer}"], "the number of photographs to train on (18 in process 0)"),
    }[what]
    with Pair(tmp_path, environment, shared, second) as pair:
        assert pair.wait() == [1, 1]
    assert f"error: process 0 and process 1 differ in {name}" in pair.errors(0)
    assert "error: process 0 and process 1 differ in " in pair.errors(1)


@pytest.mark.process
def test_an_error_in_one_process_ends_the_other(tmp_path, photo_folder, environment):
    with Pair(tmp_path, environment, command(tmp_path / "run", photo_folder), ["--config.data.root=/nowhere"]) as pair:
        codes = pair.wait()
    assert all(code != 0 for code in codes)
    assert "error: --config.data.root=/nowhere: there is no such folder" in pair.errors(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coordinator": "host:1"}, "belong together"),
        ({"num_processes": 2, "process_id": 0}, "belong together"),
        ({"coordinator": "host", "num_processes": 2, "process_id": 0}, "--coordinator=host is not an address"),
        ({"coordinator": "host:0", "num_processes": 2, "process_id": 0}, "--coordinator=host:0 is not an address"),
        ({"coordinator": "host:1", "num_processes": 2, "process_id": 2}, "use 0 to 1, each once"),
        ({"coordinator": "host:1", "num_processes": 2, "process_id": -1}, "--process_id=-1 is none of 2"),
    ],
)
def test_bad_flags_are_named(given, message):
    with pytest.raises(UserError, match=message):
        processes.initialize(**given)


@pytest.mark.process
@pytest.mark.parametrize("process", [0, 1])  # the coordinator whom nobody joins, and one that finds no coordinator
def test_a_run_that_cannot_be_joined_ends(process, tmp_path, photo_folder, environment):
    address = f"127.0.0.1:{free_port()}"
    flags = (f"--coordinator={address}", "--num_processes=2", f"--process_id={process}", "--join_timeout=2")
    whole = [sys.executable, *command(tmp_path / "run", photo_folder, *flags)]
    result = subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=60)
    # JAX ends the process by itself.
    assert result.returncode != 0
    assert "DEADLINE_EXCEEDED" in result.stderr


SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "node[1-2]", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}


@pytest.mark.parametrize(
    ("variables", "joins"),
    [
        ({}, False),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, False),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, True),
        ({"TPU_WORKER_HOSTNAMES": "host0,host1"}, True),
        ({"JAX_COORDINATOR_ADDRESS": "host:1"}, True),
        ({"TPU_NAME": "pod"}, True),  # as --coordinator=auto says
    ],
)
def test_jax_looks_for_other_processes_where_the_environment_names_them(variables, joins, monkeypatch):
    calls = []
    monkeypatch.setattr(processes.jax.distributed, "initialize", lambda *given, **_: calls.append(given))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    processes.initialize(*(["auto"] if variables == {"TPU_NAME": "pod"} else []))
    assert calls == ([(None, None, None)] if joins else [])
