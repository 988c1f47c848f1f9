"""Decoding anew in every epoch: worker processes, and memory that stays level."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, Numbered
from PIL import Image

from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.fitted import FittedSource
from pix2pix_jax.data.workers import Decoder, Workers
from pix2pix_jax.errors import UserError


def run_script(script: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    path = [str(ROOT / "tests"), str(ROOT)]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path), "XLA_FLAGS": ""},
    )


def is_alive(process: str) -> bool:
    try:
        return "Z (zombie)" not in Path("/proc", process, "status").read_text()
    except OSError:
        return False


@pytest.mark.process
def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    for number in range(4):
        Image.effect_noise((20, 20), 50 + number).convert("RGB").save(tmp_path / f"{number}.png")
    script = """
        import multiprocessing, os, signal, sys
        from pix2pix_jax.data.sources.folder import open_folders
        from pix2pix_jax.data.loader import Loader

        if __name__ == "__main__":
            train, _ = open_folders(sys.argv[1], "", 0.1, shorter_side=10)
            batches = Loader(
                train, batch_size=2, image_size=8, resize=10, seed=0, cache="none", num_workers=2
            ).iterate()
            next(batches)
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    result = run_script(script, str(tmp_path))
    assert result.returncode == -signal.SIGKILL, result.stderr
    workers = result.stdout.split()
    assert len(workers) == 2
    deadline = time.monotonic() + 10
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.process
def test_memory_stays_level_on_a_set_that_does_not_fit(tmp_path: Path) -> None:
    """Three epochs of a set of 230 MB, decoded, by a process that may take 120 MB more than it starts with."""
    for number in range(300):
        pixels = np.full((512, 512, 3), number % 256, np.uint8)
        pixels[::7] += np.uint8(1)
        Image.fromarray(pixels).save(tmp_path / f"{number:03d}.png", compress_level=1)
    script = """
        import resource, sys
        import numpy as np
        from pix2pix_jax.data.sources.folder import open_folders
        from pix2pix_jax.data.loader import Loader

        def memory(name):
            lines = open("/proc/self/status").read().splitlines()
            return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024

        train, _ = open_folders(sys.argv[1], "", 0.01, shorter_side=512)
        loader = Loader(train, batch_size=27, image_size=64, resize=512, seed=0, cache="none", num_workers=0)
        assert sum(photo.nbytes for photo in map(train.__getitem__, range(len(train)))) > 230e6
        with loader.iterate() as batches:
            next(batches)
            resource.setrlimit(resource.RLIMIT_DATA, (memory("VmData") + 120_000_000,) * 2)
            for epoch in range(3):
                for _ in range(11):
                    next(batches)
                print(memory("VmRSS"))
    """
    result = run_script(script, str(tmp_path))
    assert result.returncode == 0, result.stderr
    first, _, third = map(int, result.stdout.split())
    assert third == pytest.approx(first, rel=0.1)


@pytest.mark.process
def test_workers_without_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grain", None)
    decoder = Decoder(FittedSource(Numbered(3), 8, 10), Order(3, batch_size=2, seed=0))
    with pytest.raises(UserError, match=r"pip install grain, or give --config.data.num_workers=0"):
        Workers(decoder, 0, 1)
