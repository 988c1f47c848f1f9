"""The colouring command as a process: its exit status, its end by a signal, what it imports."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, smooth_images
from PIL import Image

PHOTO = Image.fromarray(smooth_images(1, 40, seed=2)[0, :36])


@pytest.fixture
def start(tmp_path: Path, generator_file: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python with some arguments in an empty working directory; one process compiles for all."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(generator_file.parent / "cache")}
    environment["PYTHONPATH"] = str(ROOT)

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments, "--checkpoint", str(generator_file)],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    # In a shell's background job SIGINT is ignored, and would be by the processes started here.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield start
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.process
def test_process_says_what_failed_and_exits_with_1(start, tmp_path):
    (tmp_path / "in").mkdir()
    PHOTO.save(tmp_path / "in/a.jpg")
    (tmp_path / "in/b.jpg").write_bytes(b"")
    with start("-m", "pix2pix_jax.commands.colorize", "in") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == "1 coloured: colorized\n"
    assert err.splitlines() == [
        "error: in/b.jpg cannot be read: not an image that can be read",
        "error: 1 of 2 photographs could not be coloured",
    ]
    assert [path.name for path in (tmp_path / "colorized").glob("[!.]*")] == ["a.jpg"]


@pytest.mark.process
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_process_leaves_whole_files_only(start, tmp_path, sent, status):
    (tmp_path / "in").mkdir()
    PHOTO.resize((900, 600)).save(tmp_path / "in/00.png")
    names = [f"in/{number:02d}.png" for number in range(40)]
    for name in names[1:]:
        (tmp_path / name).write_bytes((tmp_path / "in/00.png").read_bytes())
    with start("-m", "pix2pix_jax.commands.colorize", "in") as process:
        while process.poll() is None and not list(tmp_path.glob("colorized/*.png")):
            time.sleep(0.01)
        process.send_signal(sent)
        err = process.communicate(timeout=120)[1]
    assert process.returncode == status
    assert err == ("interrupted\n" if sent == signal.SIGINT else "")
    written = [path.name for path in (tmp_path / "colorized").glob("[!.]*")]
    assert 0 < len(written) < len(names)
    for name in written:
        assert np.asarray(Image.open(tmp_path / "colorized" / name)).shape == (600, 900, 3)


@pytest.mark.process
def test_little_is_imported_to_colour_with_a_file(start, tmp_path):
    code = (
        "import sys; from pix2pix_jax.commands.colorize import main; status = main(sys.argv[1:]);"
        "slow = {'matplotlib', 'orbax', 'skimage', 'tensorflow_datasets', 'tensorflow'};"
        "print(sorted(slow & set(sys.modules))); sys.exit(status)"
    )
    PHOTO.save(tmp_path / "a.png")
    with start("-c", code, "a.png") as process:
        out, err = process.communicate(timeout=120)
    assert out.splitlines() == ["1 coloured: colorized", "[]"], err
