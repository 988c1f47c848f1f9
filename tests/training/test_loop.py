"""The main job as a user runs it: processes of their own, real files, real kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import load_config, save_image
from PIL import Image
from tiny_runs import assert_same_state, checkpoint, photographs_command, wait_for

from pix2pix_jax.commands import evaluate
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.trained import load_trained
from pix2pix_jax.runs.checkpoints import steps
from pix2pix_jax.runs.metrics import read_metrics
from pix2pix_jax.training import loop
from pix2pix_jax.training.loop import total_steps, train


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """One device, and a compilation cache that the processes share."""
    cache = tmp_path_factory.mktemp("cache")
    return os.environ | {"XLA_FLAGS": "", "JAX_COMPILATION_CACHE_DIR": str(cache)}


def command(workdir, folder, *flags):
    """Trains for 6 steps on a folder; later flags win over earlier ones."""
    return [
        sys.executable,
        *photographs_command(workdir, folder),
        "--config.batch_size=4",
        "--config.num_steps=6",
        "--config.warm_start=",
        "--config.ema_decay=0.9",
        "--config.eval_every_steps=6",
        "--config.sample_every_steps=6",
        "--config.checkpoint_every_steps=3",
        *flags,
    ]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, photo_folder, environment):
    """A whole run of 6 steps."""
    workdir = tmp_path_factory.mktemp("unbroken") / "run"
    result = run(workdir, photo_folder, env=environment)
    assert result.returncode == 0, result.stderr
    in_the_end, *_, use = result.stderr.splitlines()[-3:]
    assert all(name in in_the_end for name in ("grey image", "best tint", "beginning"))
    assert f"pix2pix-colorize PHOTO --checkpoint {workdir}" in use
    return workdir


@pytest.mark.process
def test_a_run_is_evaluated_on_what_was_held_out_of_it(unbroken, photo_folder, tmp_path, capsys):
    evaluate.main(["--checkpoint", str(unbroken), "--out", str(tmp_path / "own")])
    assert "6 photographs" in (said := capsys.readouterr().out)
    assert "held out of the run" in said
    evaluate.main(["--checkpoint", str(unbroken), "--data", str(photo_folder), "--out", str(tmp_path / "all")])
    assert "TRAINED ON 18 OF THEM" in capsys.readouterr().out


@pytest.mark.process
def test_a_run_leaves_what_it_promises(unbroken):
    config = json.loads((unbroken / "config.json").read_text())
    assert (config["name"], config["batch_size"], config["data"]["resize"]) == ("demo", 4, 40)
    records = read_metrics(unbroken / "metrics.jsonl")
    training = [record for record in records if "g_loss" in record]
    assert [record["step"] for record in training] == [1, 2, 3, 4, 5, 6]
    terms = {"g_loss", "g_bce", "g_l1_rgb", "g_l1_chroma", "d_loss", "d_real", "d_fake"}
    assert set(training[0]) == {"step", "epoch", "images_per_second", "data_wait_share", *terms}
    assert training[-1]["g_l1_rgb"] < 0.9 * training[0]["g_l1_rgb"]
    assert training[0]["images_per_second"] == 0 < training[1]["images_per_second"]  # the first step compiles
    assert training[-1]["epoch"] == pytest.approx(6 * 4 / 18)  # 24 photographs, a quarter held out
    beginning, evaluation = [record for record in records if "eval/psnr" in record]
    assert (beginning["step"], evaluation["step"]) == (0, 6)
    assert evaluation["eval/start_ciede2000"] == beginning["eval/ciede2000"]
    for name in ("psnr", "ssim", "ciede2000", "colorfulness"):
        assert evaluation[f"eval/{name}"] >= 0
        assert evaluation[f"eval/gray_{name}"] >= 0
    assert evaluation["eval/truth_colorfulness"] > evaluation["eval/gray_colorfulness"]
    assert {path.name for path in (unbroken / "checkpoints").iterdir()} == {"3", "6"}
    assert list((unbroken / "tensorboard").glob("events.out.tfevents.*"))
    for picture in ("curves.png", "samples/step_00000006.png"):
        with Image.open(unbroken / picture) as image:
            assert min(image.size) > 200
            assert len(image.convert("RGB").getcolors(2**24)) > 100


@pytest.mark.process
def test_the_moving_average_is_what_colors(unbroken):
    arrays, trained = checkpoint(unbroken, 6), load_trained(unbroken)
    kernel = "['params']['enc1']['conv']['kernel']"
    np.testing.assert_array_equal(trained.params["enc1"]["conv"]["kernel"], arrays[f"['ema']{kernel}"])
    variance = arrays["['ema']['averages']['enc1']['norm']['var']"]
    np.testing.assert_array_equal(trained.averages["enc1"]["norm"]["var"], variance)
    assert np.abs(arrays[f"['ema']{kernel}"] - arrays[f"['generator']{kernel}"]).max() > 1e-6


@pytest.mark.process
def test_a_warm_start_begins_with_the_generator_given(tmp_path, photo_folder, generator_file, environment):
    result = run(tmp_path / "run", photo_folder, f"--config.warm_start={generator_file}", env=environment)
    assert result.returncode == 0, result.stderr
    given, trained = load_trained(generator_file), load_trained(tmp_path / "run")
    for leaf, wanted in zip(jax.tree.leaves(trained.params), jax.tree.leaves(given.params), strict=True):
        np.testing.assert_allclose(leaf, wanted, atol=5e-3)  # six steps of Adam at 2e-4


PAIRS = (
    "--config=configs/pix2pix.py",
    "--config.data.source=edges",
    "--config.task.input_channels=1",
    "--config.generator.depth=3",
    "--config.generator.width=8",
    "--config.generator.norm=instance",
    "--config.discriminator.layers=1",
)
"""A small network of the paper, with dropout, and without batch norms in G: no running averages."""


POINTS = ("--config.task.points=2",)
"""Points of colour, drawn from the truth."""


@pytest.fixture(params=["colouring", "pairs", "points"])
def flags_and_unbroken(request, tmp_path, photo_folder, environment):
    """Flags of a run, and the folder of the whole run."""
    if request.param == "colouring":
        return (), request.getfixturevalue("unbroken")
    flags = PAIRS if request.param == "pairs" else POINTS
    result = run(tmp_path / "unbroken", photo_folder, *flags, env=environment)
    assert result.returncode == 0, result.stderr
    return flags, tmp_path / "unbroken"


@pytest.mark.process
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path, photo_folder, environment, flags_and_unbroken):
    flags, unbroken = flags_and_unbroken
    workdir = tmp_path / "run"
    # Made slow to end, so that the kill comes while it runs.
    slow = command(workdir, photo_folder, *flags, "--config.num_steps=10000")
    killed = subprocess.Popen(slow, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for((workdir / "checkpoints" / "3").exists, killed, 200)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    for step in steps(workdir / "checkpoints")[1:]:  # as if the kill had come right after the first
        shutil.rmtree(workdir / "checkpoints" / str(step))
    assert steps(workdir / "checkpoints") == [3]
    result = run(workdir, photo_folder, *flags, env=environment)
    assert result.returncode == 0, result.stderr
    assert "resuming" in result.stderr
    assert_same_state(workdir, unbroken, 6)
    training = [record for record in read_metrics(workdir / "metrics.jsonl") if "g_loss" in record]
    wanted = [record for record in read_metrics(unbroken / "metrics.jsonl") if "g_loss" in record]
    pace = {"images_per_second": 0, "data_wait_share": 0}
    assert [record | pace for record in training] == [record | pace for record in wanted]


@pytest.mark.process
def test_a_second_start_compiles_nothing_again(tmp_path, photo_folder, environment, unbroken):
    cache = Path(environment["JAX_COMPILATION_CACHE_DIR"])

    # Small programs are kept only where compiling them took long, which depends on what else the machine does.
    def kept_steps():
        return {path.name for path in cache.glob("*-cache") if "train_step" in path.name or "_fun" in path.name}

    before = kept_steps()
    assert before
    result = run(tmp_path / "run", photo_folder, env=environment)
    assert result.returncode == 0, result.stderr
    assert kept_steps() == before


@pytest.mark.process
def test_a_lengthened_run_says_how_its_learning_rate_changes(tmp_path, photo_folder, environment):
    def train_on(*flags):
        done = run(tmp_path / "run", photo_folder, "--config.adam.schedule=linear", *flags, env=environment)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "learning rate" in line], done.stderr

    assert train_on()[0] == []
    assert train_on()[0] == []  # there is nothing to do
    (line,), said = train_on("--config.num_steps=12")
    for part in ("5e-05", "0.00017", "step 6", "adam.schedule_end=6", "adam.schedule_start=6"):
        assert part in line
    assert said.index(line) < said.index("first step")
    assert train_on("--config.num_steps=14", "--config.adam.schedule_end=12")[0] == []
    (line,), _ = train_on("--config.num_steps=16", "--config.adam.schedule_end=12", "--config.adam.learning_rate=1e-4")
    assert "schedule" not in line
    assert json.loads((tmp_path / "run/config.json").read_text())["adam"]["learning_rate"] == 1e-4


@pytest.mark.process
def test_another_experiment_does_not_go_on_in_the_same_folder(photo_folder, environment, unbroken):
    result = run(unbroken, photo_folder, "--config.seed=5", env=environment)
    assert result.returncode == 1
    assert "holds a run with config.seed=0, and 5 is asked for" in result.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.data.rot=x"], "error: unknown config key data.rot (did you mean data.root?)"),
        (["--config.batch_size=many"], "error: flag --config.batch_size=many"),
        (["--lost_timeout=0"], "error: flag --lost_timeout=0"),
        (["--config=configs/none.py"], "error: there is no config file configs/none.py"),
        (["--config=pyproject.toml"], "error: the config file pyproject.toml cannot be used: SyntaxError"),
        (["--config.data.source=foldr"], "did you mean folder?"),
        (["--config.data.root=/no/such/folder"], "/no/such/folder"),
        (["--config.data.root={empty}"], "{empty}"),
        (["--config.data.eval_images=100"], "data.eval_images=100, but 6 photographs are held out"),
        (["--config.image_size=40"], "error: config.image_size=40 does not fit the networks"),
        (["--workdir=/proc/nowhere"], "cannot write to /proc/nowhere"),
        (["--config.warm_start=/no/run"], "error: there is no run or file /no/run: give a run's folder"),
        (
            ["--config.warm_start=pretrained", "--config=configs/rgb_rgb.py"],
            "error: config.warm_start=pretrained is of another architecture: its generator makes chroma, and this"
            " config's makes rgb",
        ),
        (["stray"], "error: stray is not a flag"),
        (["--workdir"], "error: Missing value for flag --workdir"),
        (["--config.data.root="], "give --config.data.root=DIR"),
    ],
)
def test_bad_input_gets_one_line(flags, message, tmp_path, photo_folder, environment):
    empty = tmp_path / "empty"
    empty.mkdir()
    flags = [flag.format(empty=empty) for flag in flags]
    result = run(tmp_path / "run", photo_folder, *flags, env=environment)
    usage = ("unknown config key", "flag", "give --config.data.root=DIR")  # as argparse's status
    assert result.returncode == (2 if any(words in message for words in usage) else 1)
    assert message.format(empty=empty) in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr


@pytest.mark.process
def test_an_unreadable_file_is_skipped_by_name(tmp_path, photo_folder, environment):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in photo_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"not a picture")
    result = run(tmp_path / "run", folder, env=environment)
    assert result.returncode == 0, result.stderr
    assert "broken.png" in result.stderr
    assert "1 unreadable image files were skipped" in result.stderr
    epochs = [record["epoch"] for record in read_metrics(tmp_path / "run" / "metrics.jsonl") if "epoch" in record]
    assert epochs[0] == pytest.approx(4 / 18)


@pytest.mark.parametrize(
    ("way", "size", "message"),
    [
        ("none", (64, 40), "with config.data.preprocess=none, the pairs' width of 40 pixels does not fit"),
        ("none", (40, 64), "with config.data.preprocess=none, the pairs' height of 40 pixels does not fit"),
        ("scale_width", (20, 32), "with config.data.resize=100, the pairs' width of 100 pixels does not fit"),
    ],
)
def test_pairs_of_a_size_that_the_networks_do_not_take(tmp_path, way, size, message):
    for name in ("A/1.png", "A/2.png", "B/1.png", "B/2.png"):
        save_image(tmp_path / "pairs" / name, np.zeros((*size, 3), np.uint8))
    sizes = {"image_size": 64, "data__resize": 100, "generator__depth": 4, "batch_size": 8}
    source = {"data__root": str(tmp_path / "pairs"), "data__cache_dir": str(tmp_path), "data__preprocess": way}
    with pytest.raises(UserError, match=message):
        train(load_config("pix2pix", **sizes, **source), tmp_path / "run")


@pytest.mark.process
@pytest.mark.parametrize("evaluated_every", [1, 100])
def test_a_loss_that_is_not_finite_stops_the_run(evaluated_every, tmp_path, photo_folder, monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda *_: None)  # which refuses such a learning rate
    # The first update is finite, what comes of it is not.
    flags = {"image_size": 32, "batch_size": 8, "num_steps": 8, "data__resize": 40, "eval_every_steps": evaluated_every}
    flags |= {"log_every_steps": 8, "checkpoint_every_steps": 1, "adam__learning_rate": 1e38}
    source = {"data__source": "folder", "data__root": str(photo_folder), "data__cache": "none"}
    config = load_config("ycrcb_l1", **flags, **source)
    with pytest.raises(UserError, match=r"(g_\w+ became (nan|inf)|is not finite) .*step \d") as caught:
        train(config, tmp_path / "run")
    kept = [int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert f"the last good checkpoint is step {max(kept)}" in str(caught.value) if kept else "no checkpoint yet"
    for record in read_metrics(tmp_path / "run" / "metrics.jsonl"):
        assert all(value is not None for value in record.values())


def test_steps_of_a_run():
    config = load_config("ycrcb_rgb")
    assert total_steps(config, num_images=105_000) == 41_016  # 200 epochs in batches of 512, rounded up
    assert total_steps(load_config("ycrcb_rgb", num_steps=7), num_images=105_000) == 7
