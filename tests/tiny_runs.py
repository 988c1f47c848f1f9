"""Whole runs of a tiny network, in processes of their own, for what may befall a run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from helpers import ROOT

FLAGS = {
    "config.data.source": "edges",
    "config.task.input_channels": "1",
    "config.data.eval_fraction": "0.1",
    "config.data.resize": "16",
    "config.image_size": "16",
    "config.batch_size": "2",
    "config.num_steps": "2500",
    "config.generator.depth": "2",
    "config.generator.width": "4",
    "config.generator.norm": "instance",
    "config.discriminator.network": "pixel",
    "config.discriminator.width": "4",
    "config.discriminator.norm": "none",
    "config.log_every_steps": "10",
    "config.eval_every_steps": "1000000",
    "config.sample_every_steps": "1000000",
    "config.checkpoint_every_steps": "50",
}


def environment(cache: Path) -> dict[str, str]:
    """One device, and a compilation cache that all processes share."""
    return os.environ | {"XLA_FLAGS": "", "JAX_NUM_CPU_DEVICES": "1", "JAX_COMPILATION_CACHE_DIR": str(cache)}


def command(workdir: Path | str, folder: Path, **changes: object) -> list[str]:
    """Trains on a folder; `checkpoint_every_steps=5` stands for `--config.checkpoint_every_steps=5`."""
    own = {"config.data.root": folder, "config.data.cache_dir": folder.parent / "decoded", "workdir": workdir}
    given = {f"config.{key.replace('__', '.')}": value for key, value in changes.items()}
    flags = [f"--{key}={value}" for key, value in (FLAGS | own | given).items()]
    return [sys.executable, str(ROOT / "train.py"), f"--config={ROOT}/configs/pix2pix.py", *flags]


def photographs_command(workdir: Path | str, folder: Path | str) -> list[str]:
    """What trains on small crops of a folder's photographs, after the name of Python."""
    return [
        str(ROOT / "train.py"),
        f"--workdir={workdir}",
        "--config.data.source=folder",
        f"--config.data.root={folder}",
        f"--config.data.cache_dir={workdir}_decoded",
        "--config.data.eval_fraction=0.25",
        "--config.data.resize=40",
        "--config.image_size=32",
        "--config.log_every_steps=1",
    ]


def run(arguments: list[str], environ: dict[str, str], timeout: float = 120, **options) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=timeout, **options)


def start(arguments: list[str], environ: dict[str, str], **options) -> subprocess.Popen:
    """A process that is a group of its own, as a shell makes it; no signal is ignored even in a background job."""
    inherited = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True} | options
        return subprocess.Popen(arguments, env=environ, **options)
    finally:
        for number, handler in inherited.items():
            signal.signal(number, handler)


def read_until(process: subprocess.Popen, text: str) -> str:
    """Reads what a process says until a line holds a text."""
    said = ""
    while line := process.stderr.readline():
        said += line
        if text in line:
            return said
    raise AssertionError(f"{text!r} was never said: {said}")


def wait_for(condition, process: subprocess.Popen, seconds: float = 100, said: Path | None = None) -> None:
    """Waits until something is so, while a process lives; `said` is the file that it writes to instead of a pipe."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, said.read_text() if said else process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)


def one_line(said: str) -> str:
    """What was said, which must be one line, and no traceback."""
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said


def checkpoint(workdir: Path, step: int) -> dict[str, np.ndarray]:
    """Every array of a checkpoint, by its path."""
    with ocp.StandardCheckpointer() as reader:
        tree = reader.restore((workdir / "checkpoints" / str(step) / "default").resolve())
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def assert_same_state(workdir: Path, other: Path, step: int) -> None:
    found, wanted = checkpoint(workdir, step), checkpoint(other, step)
    assert len(wanted) > 20
    assert found.keys() == wanted.keys()
    for path, value in wanted.items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)


def fill(folder, free):
    """Leaves so many bytes free, to the page; gives the file that takes the rest."""
    ballast = folder / "ballast"
    room = os.statvfs(folder)
    ballast.write_bytes(bytes(max(room.f_bavail * room.f_frsize - free, 0)))
    return ballast
