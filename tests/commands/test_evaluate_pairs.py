"""The command `pix2pix-evaluate` for generators that translate."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import evaluate
from pix2pix_jax.evaluation import PAIR_MEASURES, measure_each
from pix2pix_jax.inference import load_trained, translate

IMAGES = smooth_images(4, 40, seed=3)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs the command in a folder of its own; gives its exit status, and what it wrote to both streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
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
def pairs(tmp_path: Path) -> Path:
    """Four pairs in the folders A (grey) and B (colour), and one of which a file cannot be read."""
    folder = tmp_path / "pairs"
    for side in "AB":
        (folder / side).mkdir(parents=True)
        for number, image in enumerate(IMAGES):
            shown = Image.fromarray(image)
            (shown.convert("L") if side == "A" else shown).save(folder / side / f"{number}.png")
        (folder / side / "bad.png").write_bytes(b"nothing")
    return folder


def report_of(folder: Path) -> dict:
    return json.loads((folder / "evaluation.json").read_text())


def test_every_sound_pair_is_judged(run, pairs, tmp_path):
    file = save_translator(
        tmp_path / "g", {"task.input_channels": 1, "data.preprocess": "none", "test_time": "running"}
    )
    status, out, err = run("--data", pairs, "--checkpoint", file)
    assert (status, err.count("translating and measuring 4 pairs of 40×40")) == (0, 1)
    folder = tmp_path / "evaluation"
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.json", "evaluation.md", "index.html"]
    report = report_of(folder)
    assert report["pairs"] == 4
    assert list(report["unreadable"]) != []
    assert (report["test_time"], report["seed"]) == ("running", 0)
    gray = np.stack([np.asarray(Image.open(pairs / "A" / f"{number}.png")) for number in range(4)])
    made = np.stack([translate(image, load_trained(file)) for image in gray])
    wanted = measure_each(made, IMAGES, PAIR_MEASURES)
    assert [image["file"] for image in report["images"]] == [f"A/{number}.png" for number in range(4)]
    for name, values in wanted.items():
        assert [image[name] for image in report["images"]] == pytest.approx(values, rel=1e-4)
        assert report["translated"][name]["mean"] == pytest.approx(values.mean(), rel=1e-4)
    for row in ("translated", "mean_colour", "median_colour"):
        assert set(report[row]) == {"l1", "psnr", "ssim", "lab_intersection"}
    assert "median colour" in out
    assert "| median colour |" in (folder / "evaluation.md").read_text()
    page = (folder / "index.html").read_text()
    assert page.count("<li ") == 4
    assert page.count("data:image/") == 12


def test_sides_in_one_image_are_told_of(run, tmp_path):
    (tmp_path / "wide").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray(np.hstack([image, image])).save(tmp_path / "wide" / f"{number}.png")
    status, out, _ = run("--data", tmp_path / "wide", "--checkpoint", save_translator(tmp_path / "g"))
    assert status == 0
    assert "4 pairs (each A|B side by side), 32×32" in out


def test_test_time_and_seed(run, pairs, tmp_path):
    file = save_translator(tmp_path / "g")
    found = {}
    for name, flags in {"a": [], "again": [], "seed": ["--seed", "1"], "run": ["--test-time", "running"]}.items():
        assert run("--data", pairs, "--checkpoint", file, "--out", tmp_path / name, *flags)[0] == 0
        found[name] = report_of(tmp_path / name)
    assert found["a"]["images"] == found["again"]["images"]
    assert found["a"]["images"] != found["seed"]["images"]
    assert found["run"]["test_time"] == "running"
    assert found["run"]["images"] != found["a"]["images"]
    assert "input_as_it_is" in found["a"]


def test_runs_on_pairs_made_of_photographs_are_given_photographs(run, pairs, tmp_path):
    file = save_translator(tmp_path / "g", {"data.source": "edges", "task.input_channels": 1})
    assert run("--data", pairs / "B", "--checkpoint", file, "--resize", "36")[0] == 0
    report = report_of(tmp_path / "evaluation")
    assert [image["file"] for image in report["images"]] == [f"{number}.png" for number in range(4)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "none"], "--data=none: there is no such folder"),
        (["--data", "pairs/A"], "channels"),
        (["--data", "pairs", "--resize", "40"], "--resize=40 is of photographs: pairs are brought to size as in"),
        (["--data", "pairs", "--all"], "--all is for generators that colour"),
        (["--data", "pairs", "--test-time", "eval"], "invalid choice: 'eval'"),
    ],
)
def test_mistakes_are_one_line(run, pairs, tmp_path, arguments, message):
    file = save_translator(tmp_path / "g", {"task.input_channels": 4})
    status, _, err = run("--checkpoint", file, *arguments)
    assert status == 1
    assert message in err
    assert err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "evaluation").exists()
