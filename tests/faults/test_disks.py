"""Disks that are full, and machines that give workers too little memory."""

import shutil
import sys

import pytest
from tiny_runs import assert_same_state, command, fill, one_line, run

from pix2pix_jax.commands.names import RECORD
from pix2pix_jax.runs import newest, read_metrics

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def begun(tmp_path_factory, photo_folder, environ):
    """A run of 50 steps, and the same run of 150."""
    folder = tmp_path_factory.mktemp("begun")
    for name, steps in (("run", 50), ("unbroken", 50), ("unbroken", 150)):
        done = run(command(folder / name, photo_folder, num_steps=steps), environ)
        assert done.returncode == 0, done.stderr
    return folder


# What is due after step 50, and how many bytes are left for it.
DUE = {
    "checkpointing": ({"log_every_steps": 10**6, "checkpoint_every_steps": 60}, 60_000, "checkpoints"),
    "starting": ({}, 0, "config.json"),
    "logging": ({"log_every_steps": 1}, 16_000, ("metrics.jsonl", "tensorboard")),
    "sampling": (
        {"log_every_steps": 10**6, "sample_every_steps": 55},
        20_000,
        ("step_00000055.png", "curves.png", "tensorboard"),
    ),
}


@pytest.mark.parametrize("what", DUE)
def test_a_full_disk_while(what, small_disk, photo_folder, environ, begun):
    changes, free, named = DUE[what]
    shutil.copytree(begun / "run", small_disk / "run")
    ballast = fill(small_disk, free)
    done = run(command(small_disk / "run", photo_folder, num_steps=150, **changes), environ)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert any(name in errors[0] for name in ([named] if isinstance(named, str) else named))
    assert "No space left on device" in errors[0]
    assert "Traceback" not in done.stderr
    assert newest(small_disk / "run" / "checkpoints") == 50
    ballast.unlink()
    done = run(command(small_disk / "run", photo_folder, num_steps=150), environ)
    assert done.returncode == 0, done.stderr
    assert "after step 50" in done.stderr
    assert_same_state(small_disk / "run", begun / "unbroken", 150)
    steps = [record["step"] for record in read_metrics(small_disk / "run" / "metrics.jsonl") if "g_loss" in record]
    assert steps == list(range(10, 160, 10))
    assert not [path for path in (small_disk / "run").rglob("*") if "tmp" in path.name]


def test_a_full_disk_while_a_photograph_is_coloured(small_disk, photo_folder, generator_file, environ):
    fill(small_disk, 0)
    colorize = [sys.executable, "-m", "pix2pix_jax.commands.start", "colorize", f"{photo_folder}/00.png"]
    done = run([*colorize, "--checkpoint", str(generator_file), "--out", str(small_disk)], environ, cwd="/")
    assert done.returncode == 1
    assert "No space left on device" in one_line(
        done.stderr.split("\n", 1)[-1] if "colour" in done.stderr else done.stderr
    )
    assert {path.name for path in small_disk.iterdir()} <= {"ballast", RECORD}


def test_a_config_that_is_cut_short(tmp_path, photo_folder, environ, begun):
    shutil.copytree(begun / "run", tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    whole = config.read_text()
    config.write_text(whole[:100])
    done = run(command(tmp_path / "run", photo_folder, num_steps=60), environ)
    assert done.returncode == 1
    assert "config.json is damaged" in one_line(done.stderr)
    config.rename(tmp_path / "old")  # as the message says
    done = run(command(tmp_path / "run", photo_folder, num_steps=60), environ)
    assert done.returncode == 0, done.stderr
    assert newest(tmp_path / "run" / "checkpoints") == 60


def test_a_full_disk_where_an_evaluation_or_the_output_goes(small_disk, photo_folder, generator_file, environ):
    fill(small_disk, 0)
    evaluate = [sys.executable, "-m", "pix2pix_jax.commands.start", "evaluate", f"--data={photo_folder}"]
    done = run([*evaluate, f"--checkpoint={generator_file}", f"--out={small_disk}"], environ, cwd="/")
    assert done.returncode == 1
    assert "ranked.png: No space left on device" in done.stderr.splitlines()[-1]
    shell = (
        f"{sys.executable} -m pix2pix_jax.commands.start colorize {photo_folder}/00.png --checkpoint {generator_file}"
    )
    for number, (end, status) in enumerate({">/dev/full": 1, ">&- 2>&-": 0}.items()):
        out = small_disk.parent / str(number)
        done = run(["sh", "-c", f"{shell} --out {out} {end}"], environ, cwd="/")
        assert (done.returncode, done.stderr.count("\n"), (out / "00.png").exists()) == (status, status, True)
