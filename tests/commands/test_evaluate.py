"""The command `pix2pix-evaluate` as a user runs it, in this process."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import initial_state
from PIL import Image

from pix2pix_jax.commands import evaluate
from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.data import load_named_crops, open_folder
from pix2pix_jax.evaluation import measures
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory):
    """A generator that has not been trained, of small photographs."""
    config = updated(experiment_config("ycrcb_l1"), {"image_size": 32, "data.resize": 40})
    state = initial_state()
    path = tmp_path_factory.mktemp("generator") / "g.safetensors"
    TrainedGenerator(config, state.generator.params, state.averages).save(path)
    return path


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs the command; gives its exit status, and what it wrote to both streams."""
    # Keeps the tests' programs out of the user's cache.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "xla"))

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["pix2pix-evaluate", *map(str, arguments)])
        status = 0
        try:
            evaluate.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def photographs(tmp_path, photo_folder):
    """Ten photographs in folders, and two files that are none: one by its first bytes, one cut short."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for number, path in enumerate(sorted(photo_folder.iterdir())[:10]):
        (folder / ("inner" if number % 2 else "") / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"not a picture")
    whole = (folder / "00.png").read_bytes()
    (folder / "short.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def report(run, photographs, generator_file, tmp_path):
    status, out, _ = run("--data", photographs, "--checkpoint", generator_file, "--out", tmp_path / "out", "--all")
    assert status == 0
    return json.loads((tmp_path / "out" / "evaluation.json").read_text()), out


def test_every_sound_photograph_is_judged_once(report, photographs, generator_file):
    report, _ = report
    assert report["photographs"] == 10
    assert set(report["unreadable"]) == {"broken.png", "short.png"}
    files = [image["file"] for image in report["images"]]
    assert files == sorted(f"inner/{n:02d}.png" if n % 2 else f"{n:02d}.png" for n in range(10))
    names, images = load_named_crops(open_folder(str(photographs), "--data", shorter_side=40), 32, 40)
    colored = load_trained(generator_file).colorize(images)
    wanted = dict(zip(names, measures.ciede2000(colored, images), strict=True))
    for image in report["images"]:
        assert image["ciede2000"] == pytest.approx(wanted[image["file"]], rel=1e-4)
    assert report["coloured"]["ciede2000"]["mean"] == pytest.approx(np.mean(list(wanted.values())), rel=1e-4)
    assert set(report["lab_intersection"]) == {"coloured", "grey image"}
    assert report["lab_intersection"]["grey image"]["L"] > report["lab_intersection"]["grey image"]["a"]
    assert report["grey_image"]["psnr"]["of_mean_error"] == pytest.approx(
        measures.psnr_of_mean_error(measures.psnr(measures.gray_images(images), images)), rel=1e-5
    )


def test_files_and_table_are_there(report, tmp_path):
    _, out = report
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"evaluation.json", "evaluation.md", "index.html", "ranked.png", "ranked_001.png"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<li ") == 10
    assert page.count('alt="coloured of ') == 10
    text = (tmp_path / "out" / "evaluation.md").read_text()
    for name in ("coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth"):
        assert f"\n{name} " in out
        assert f"\n| {name} |" in text
    assert "2 that could not be read were left out" in text
    with Image.open(tmp_path / "out" / "ranked.png") as image:
        assert image.width > 1200


def test_earlier_results_are_kept(report, run, photographs, generator_file, tmp_path):
    given = ["--data", photographs, "--checkpoint", generator_file, "--out", tmp_path / "out"]
    before = (tmp_path / "out" / "evaluation.json").read_bytes()
    status, _, errors = run(*given, "--seed", 1)
    assert (status, errors) == (
        1,
        f"error: {tmp_path / 'out' / 'evaluation.json'} holds an earlier evaluation: give --overwrite to replace it, or"
        " another folder with --out\n",
    )
    assert (tmp_path / "out" / "evaluation.json").read_bytes() == before
    assert run(*given, "--seed", 1, "--overwrite")[0] == 0
    assert (tmp_path / "out" / "evaluation.json").read_bytes() != before


def test_names_that_are_no_utf8_come_through(run, photo_folder, generator_file, tmp_path):
    folder = tmp_path / "latin"
    folder.mkdir()
    for number, path in enumerate(sorted(photo_folder.iterdir())[:3]):
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9%d.png" % number)).write_bytes(path.read_bytes())
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xe9"))
    assert run("--data", folder, "--checkpoint", generator_file, "--out", out, "--all")[0] == 0
    report = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert os.fsencode(report["images"][0]["file"]) == b"caf\xe90.png"
    assert "caf\\udce92.png" in (out / "index.html").read_text(encoding="utf-8")
    assert (out / "ranked_001.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --data (--help lists the arguments)"),
        (["--data", "{tmp}/none"], "--data={tmp}/none: there is no such folder; check the path"),
        (["--data", "{tmp}/empty"], "--data={tmp}/empty holds no images"),
        (["--data", "{photos}", "--checkpoint", "{tmp}/none"], "there is no run or file {tmp}/none"),
        (["--data", "{photos}", "--checkpoint", "{tmp}/other"], "{tmp}/other is of another architecture: its params"),
        (["--data", "{photos}", "--out", "{generator}/x"], "cannot write to {generator}/x (Not a directory)"),
        (["--data", "{photos}", "stray"], "unrecognized arguments: stray"),
    ],
)
def test_bad_input_gets_one_line(arguments, message, run, tmp_path, photo_folder, generator_file):
    (tmp_path / "empty").mkdir()
    generator = load_trained(generator_file)
    config = experiment_config("rgb_rgb")
    TrainedGenerator(config, generator.params, generator.averages).save(tmp_path / "other")
    names = {"tmp": tmp_path, "photos": photo_folder, "generator": generator_file}
    given = ["--checkpoint", generator_file, "--out", tmp_path / "out", *(each.format(**names) for each in arguments)]
    status, _, errors = run(*given)
    assert status == 1
    assert errors.startswith("error: ")
    assert message.format(**names) in errors
    assert errors.count("\n") == 1


def test_size_and_age_of_what_is_judged(run, photographs, generator_file, tmp_path):
    def judged(name, *flags):
        status, _, err = run("--data", photographs, "--checkpoint", generator_file, "--out", tmp_path / name, *flags)
        assert status == 0, err
        return json.loads((tmp_path / name / "evaluation.json").read_text())

    young = judged("young", "--image-size", "64")
    old = judged("old", "--image-size", "64", "--aged")
    assert [(report["image_size"], report["resize"], report["aged"]) for report in (young, old)] == [
        (64, 75, False),
        (64, 75, True),
    ]
    psnr = [report["grey_image"]["psnr"] for report in (young, old)]
    assert psnr[0] != psnr[1]
    for flags, message in (
        (("--image-size", "40"), "error: --image-size=40 does not fit the networks"),
        (("--image-size", "64", "--resize", "50"), "error: --resize=50 is smaller than the crops, 64"),
    ):
        status, _, err = run("--data", photographs, "--checkpoint", generator_file, "--out", tmp_path / "no", *flags)
        assert status == 1
        assert err.startswith(message)
