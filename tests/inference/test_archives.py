"""Archives by their paths: any file system, whole files, work that is given out again, and Ray with an actor killed."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
import tiny_runs
from helpers import ROOT
from image_files import PHOTOS, files, pixels, save_photos
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import ArchiveColorizer


def paths(root: str, *names: str) -> dict[str, np.ndarray]:
    return {"path": np.array([f"{root}/{name}" for name in names])}


def test_files_of_any_file_system_are_written_whole_and_once(tmp_path, generator_file):
    save_photos(tmp_path, "in/a.png", "in/deep/b.jpg", "in/b.gif")
    (tmp_path / "in/c.png").write_text("no image")
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "in"), "/scans", recursive=True)
    given = paths("memory://scans", "a.png", "deep/b.jpg", "b.gif", "c.png", "missing.png")
    colorizer = pickle.loads(pickle.dumps(ArchiveColorizer("memory://scans", "memory://made", str(generator_file))))  # noqa: S301
    made = colorizer(given)
    assert [*made["output"]] == [*(f"memory:///made/{name}" for name in ("a.png", "deep/b.jpg", "b.gif.png")), "", ""]
    assert "not an image" in made["error"][3]
    assert "missing.png" in made["error"][4]
    assert sorted(memory.find("/made")) == ["/made/a.png", "/made/b.gif.png", "/made/deep/b.jpg"]
    assert {Image.open(memory.open(name)).size for name in memory.find("/made")} == {PHOTOS[0].shape[1::-1]}
    before = memory.cat(memory.find("/made"))
    memory.rm("/made/a.png")
    memory.pipe("/made/b.gif.png", b"kept")
    assert [*colorizer(given)["output"]] == [*made["output"]]
    assert memory.cat(memory.find("/made")) == before | {"/made/b.gif.png": b"kept"}


def test_paths_beside_the_root_are_refused(tmp_path, generator_file):
    save_photos(tmp_path, "in/..a.png", "other/b.png")
    colorizer = ArchiveColorizer(str(tmp_path / "in"), str(tmp_path / "out"), str(generator_file))
    with pytest.raises(UserError, match=r"other/b\.png"):
        colorizer(paths(str(tmp_path), "other/b.png"))
    assert colorizer(paths(str(tmp_path / "in"), "..a.png"))["error"] == [""]  # which only begins like a path upwards
    assert files(tmp_path / "out") == ["..a.png"]


def actors(session: int) -> list[int]:
    """The processes of Ray that colour, below a session of processes' first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session and b"ArchiveColorizer" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


@pytest.mark.process
def test_ray_colours_all_once_though_an_actor_is_killed(tmp_path, generator_file):
    pytest.importorskip("ray")
    for number in range(200):
        save_photos(tmp_path / "in", f"{number:03}.png")
    out, said = tmp_path / "out", tmp_path / "said.txt"
    command = [sys.executable, str(ROOT / "examples/ray_archive.py"), str(tmp_path / "in"), str(out)]
    environ = tiny_runs.environment(tmp_path / "cache") | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    with said.open("w") as file:
        process = subprocess.Popen(
            [*command, "--checkpoint", str(generator_file)],
            env=environ,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        tiny_runs.wait_for(lambda: len(list(out.glob("*.png"))) > 20, process, 300, said)
        first, *others = actors(process.pid)
        assert len(others) == 1
        os.kill(first, signal.SIGKILL)
        killed = time.time()
        assert process.wait(300) == 0, said.read_text()
    finally:
        process.kill()
    assert f"200 of 200 photographs coloured: {out}" in said.read_text()
    made = sorted(path for path in out.iterdir() if not path.name.startswith("."))
    assert [path.name for path in made] == [f"{number:03}.png" for number in range(200)]
    assert {pixels(path).shape for path in made} == {(36, 40, 3)}
    assert sum(path.stat().st_mtime > killed for path in made) > 20  # it was killed on the way
