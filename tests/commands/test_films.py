"""Films on the command line, in processes that are interrupted and killed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from film_clips import decoded, packets, pan, write_clip
from helpers import ROOT
from PIL import Image
from skimage import data

from pix2pix_jax.commands import colorize

process = pytest.mark.process


def test_without_the_extra_one_line_says_what_to_install(run, tmp_path, monkeypatch, generator_file):
    (tmp_path / "a.mp4").write_bytes(b"film")
    for name in [each for each in sys.modules if each.startswith("pix2pix_jax.inference.film.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "pix2pix_jax.inference.film", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    status, _, errors = run(colorize.main, "a.mp4", "--checkpoint", generator_file)
    assert (status, len(errors)) == (1, 1)
    assert "pix2pix-jax[video]" in errors[0]


@pytest.fixture
def command(tmp_path):
    """Starts the command in a process of its own, without the tests' flags."""
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    started = []

    def start(*arguments):
        words = [sys.executable, "-m", "pix2pix_jax.commands.start", "colorize", *map(str, arguments)]
        environment = {**os.environ, "XLA_FLAGS": "", "PYTHONPATH": str(ROOT)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(words, cwd=tmp_path, env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def finished(process):
    out, errors = process.communicate(timeout=300)
    return process.returncode, out.splitlines(), errors.splitlines()


@process
def test_what_is_interrupted_plays_and_goes_on_with_the_same_frames(command, tmp_path, generator_file):
    film = write_clip(tmp_path / "a.mp4", pan(400, 160, 96), sound=True)
    flags = ("--checkpoint", generator_file)
    for number, kind in enumerate((signal.SIGINT, signal.SIGKILL)):
        running, parts = command(film, "--out", "cut", *flags), f"cut/a.mp4.parts-*/{number:06d}.npz"
        while running.poll() is None and not list(tmp_path.glob(parts)):
            time.sleep(0.02)
        assert running.poll() is None, running.communicate()
        running.send_signal(kind)
        status, _, errors = finished(running)
        assert status in (130, -9)
        assert not (tmp_path / "cut" / "a.mp4").exists()
        (so_far,) = tmp_path.glob("cut/a.mp4.parts-*/so_far.mp4")
        assert status == -9 or any(so_far.name in line for line in errors)
        begun = packets(so_far, "video")
        assert len(begun) >= 128
        (so_far.parent / ".pix2pix-0123.tmp").write_bytes(b"half a part")
    assert finished(command(film, "--out", "cut", *flags))[0] == 0
    assert finished(command(film, "--out", "whole", *flags))[:2] == (0, ["1 coloured: whole"])
    assert packets(tmp_path / "whole" / "a.mp4", "video")[: len(begun)] == begun
    for kind in ("video", "audio"):
        assert packets(tmp_path / "cut" / "a.mp4", kind) == packets(tmp_path / "whole" / "a.mp4", kind)
    assert os.listdir(tmp_path / "cut") == os.listdir(tmp_path / "whole")


@process
def test_points_hold_from_their_time_to_the_end_of_the_scene_and_move(run, tmp_path):
    pytest.importorskip("cv2")
    write_clip(tmp_path / "a.mkv", [*pan(20, 288, 160), *([data.coffee()[:160, :288]] * 4)])
    point = {"x": 144, "y": 80, "color": "#2030d0", "radius": 0.05, "time": 0.2}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "photographs": {"a.mkv": [point]}}))
    assert run(colorize.main, "a.mkv", "--points", "p.json")[0] == 0
    assert run(colorize.main, "a.mkv", "--out", "plain")[0] == 0
    cb, plain = (np.array([f[1].astype(int) for f in decoded(tmp_path / d / "a.mkv")]) for d in ("colorized", "plain"))
    more = cb - plain
    assert np.abs(more[:5]).mean() < 0.5  # but for what the encoder makes of later frames
    assert np.abs(more[20:]).mean() < 0.5
    for t in (5, 10, 19):  # half of the window's 1.5 px a frame, for it moves to the right
        place = round(72 - 0.75 * (t - 5))
        assert more[t, 38:42, place - 2 : place + 2].mean() > 15


@process
def test_a_scene_takes_the_colours_of_a_photograph(run, tmp_path):
    pytest.importorskip("cv2")
    images = pan(3, 288, 160)
    write_clip(tmp_path / "a.avi", images, codec="mpeg4", options={"qmax": "2"})
    Image.fromarray(images[0][:, :, ::-1]).save(tmp_path / "like.png")
    for out, flags in (("plain", ()), ("alike", ("--like", "like.png"))):
        status, _, errors = run(colorize.main, "a.avi", "--out", out, *flags)
        assert status == 0
        assert "a.mkv" in errors[0]
    plain, alike = (decoded(tmp_path / out / "a.mkv")[2][2].astype(int) for out in ("plain", "alike"))
    assert np.abs(plain - alike).mean() > 2.0


@process
def test_a_full_disk_is_one_line(command, tmp_path, generator_file):
    write_clip(tmp_path / "a.mp4", pan(200, 320, 192))
    running = command("a.mp4", "--out", "full", "--checkpoint", generator_file, "--crf", "0")
    import resource

    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (300_000, 300_000))
    status, _, errors = finished(running)
    assert status == 1
    assert len(errors) == 1
    assert "cannot write" in errors[0]
    assert not (tmp_path / "full" / "a.mp4").exists()
