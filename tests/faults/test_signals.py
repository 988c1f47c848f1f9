"""Ctrl-C as a terminal sends it, to the whole group; SIGTERM; and terminals and pipes that are gone."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import ROOT
from tiny_runs import command, read_until, start

from pix2pix_jax.runs import newest, read_metrics

pytestmark = pytest.mark.process

SLOW = {"num_steps": 10**6, "checkpoint_every_steps": 10**6}
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def end(process, seconds):
    begin = time.monotonic()
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert time.monotonic() - begin < seconds
    return said


@pytest.mark.parametrize("sent", STATUS)
def test_a_run_that_is_told_to_stop_saves_and_says_how_to_go_on(sent, tmp_path, photo_folder, environ):
    process = start(command(tmp_path / "run", photo_folder, **SLOW), environ)
    read_until(process, "step 20/")
    os.killpg(process.pid, sent)
    said = end(process, 10)
    assert process.returncode == STATUS[sent]
    step = newest(tmp_path / "run" / "checkpoints")
    assert said.splitlines()[-1] == f"{sent.name}: stopped after step {step:,}; the same command goes on from there"
    assert "Traceback" not in said
    assert read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]["step"] <= step


def test_a_run_goes_on_where_nobody_reads_what_it_says(tmp_path, photo_folder, environ):
    process = start(command(tmp_path / "run", photo_folder, num_steps=300), environ)
    read_until(process, "step 20/")
    process.stderr.close()
    assert process.wait(60) == 0
    assert newest(tmp_path / "run" / "checkpoints") == 300


@pytest.mark.parametrize("name", ["colorize", "compare", "evaluate", "export", "page", "translate"])
def test_commands_end_without_a_word_where_nobody_reads_them(name, environ):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [sys.executable, "-m", "pix2pix_jax.commands.start", name, "--help"]
    buffered = environ | {"PYTHONUNBUFFERED": ""}
    with os.fdopen(writing, "w") as unread:
        done = subprocess.run(arguments, env=buffered, stdout=unread, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_second_ctrl_c_leaves_at_once(tmp_path, photo_folder, environ):
    process = start(command(tmp_path / "run", photo_folder, **SLOW), environ)
    read_until(process, "step 20/")
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)  # or the two are one to the system
    said = end(process, 2)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said


# While training imports and compiles, which nothing in Python can interrupt; and in other commands.
EARLY = [("train", 1.0), ("train", 3.0), ("train", 6.0), ("export", 1.5), ("evaluate", 1.5), ("compare", 1.5)]


@pytest.mark.parametrize(("name", "seconds"), EARLY)
def test_ctrl_c_before_anything_is_done(name, seconds, tmp_path, photo_folder, environ):
    others = {
        "export": [str(tmp_path / "out.bin")],
        "evaluate": [f"--data={photo_folder}", f"--out={tmp_path}/out"],
        "compare": [f"--data={photo_folder}", f"--workdir={tmp_path}/out", "--minutes=60"],
    }
    if name == "train":
        arguments = command(tmp_path / "run", photo_folder, **SLOW)
    else:
        arguments = [sys.executable, "-m", "pix2pix_jax.commands.start", name, *others[name]]
    process = start(arguments, environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs")}, cwd="/")
    time.sleep(seconds)
    if process.poll() is not None:
        pytest.skip("it was done already")
    os.killpg(process.pid, signal.SIGINT)
    said = end(process, 10)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith(("interrupted", "SIGINT: stopped after step"))
