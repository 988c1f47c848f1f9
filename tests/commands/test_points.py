"""Points of colour on the command line."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image
from skimage import data

from pix2pix_jax import Point
from pix2pix_jax.color import RGB_TO_YCRCB
from pix2pix_jax.commands import colorize, evaluate
from pix2pix_jax.evaluation import measure_each


@pytest.fixture
def run(run, tmp_path):
    for name in ("a.png", "deep/b.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.astronaut()[::2, ::2]).save(tmp_path / "in" / name)
    return partial(run, colorize.main)


def chroma_at(path, x, y):
    around = np.asarray(Image.open(path).convert("RGB"))[y - 2 : y + 3, x - 2 : x + 3] / 255.0
    return RGB_TO_YCRCB[1:] @ around.mean((0, 1))


def test_a_point_colours_its_place(run, tmp_path):
    assert run("in/a.png", "--point", "75,150,#7b2d26", "--point", "0.9,0.1,gray,6")[0] == 0
    made = tmp_path / "colorized" / "a.png"
    assert np.abs(chroma_at(made, 75, 150) - Point(0, 0, "#7b2d26").chroma).max() < 0.05
    assert np.abs(chroma_at(made, 230, 26)).max() < 0.04


def test_points_of_a_file_go_to_their_photographs(run, tmp_path):
    points = {"deep/b.png": [{"x": 75, "y": 150, "color": "royalblue"}], "a.png": []}
    (tmp_path / "points.json").write_text(json.dumps({"version": 1, "photographs": points}))
    assert run("in", "--points", "points.json")[0] == 0
    blue, plain = (chroma_at(tmp_path / "colorized" / name, 75, 150) for name in ("deep/b.png", "a.png"))
    assert np.abs(blue - Point(0, 0, "royalblue").chroma).max() < 0.06
    assert np.abs(plain - Point(0, 0, "royalblue").chroma).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["in/a.png", "--point", "300,1,red"], "256×256"),
        (["in/a.png", "--point", "1,1,royalblu"], "royalblue"),
        (["in/a.png", "--point", "1,1"], "1200,340,#7b2d26"),
        (["in", "--point", "1,1,red"], "--points"),
        (["in", "--points", "points.json"], "c.png"),
        (["in", "--points", "none.json"], "none.json"),
        (["in/a.png", "--point", "1,1,red", "--checkpoint", "reference"], "task.points"),
        (["in/a.png", "--point", "1,1,red", "--all-pages"], "--all-pages"),
    ],
)
def test_what_cannot_be_is_one_line_and_colours_nothing(run, tmp_path, arguments, named):
    (tmp_path / "points.json").write_text(
        json.dumps({"version": 1, "photographs": {"c.png": [{"x": 1, "y": 1, "color": "red"}]}})
    )
    status, _, errors = run(*arguments)
    assert status == 1
    assert len(errors) == 1
    assert named in errors[0]
    assert not list(tmp_path.glob("colorized/**/*.png"))


def test_a_reference_gives_its_colours(run, tmp_path):
    scene = data.astronaut()[::2, ::2]
    Image.fromarray(scene[:, 90:]).save(tmp_path / "part.png")
    Image.fromarray(data.coffee()[:, :400]).save(tmp_path / "coffee.png")
    errors = []
    for number, flags in enumerate(([], ["--like", "part.png"], ["--like", "coffee.png"])):
        assert run("in/a.png", "--out", number, *flags)[0] == 0
        made = np.asarray(Image.open(tmp_path / str(number) / "a.png"))
        errors.append(measure_each(made[None], scene[None], ["ciede2000"])["ciede2000"][0])
    assert errors[1] < 0.85 * errors[0]
    assert errors[2] < 1.02 * errors[0]
    status, _, said = run("in/a.png", "--out", "3", "--like", "none.png")
    assert (status, len(said)) == (1, 1)
    assert "none.png" in said[0]


def test_points_of_the_truth_are_evaluated(run, tmp_path):
    del run
    run = partial(evaluate.main)
    scores = []
    for number, flags in enumerate(([], ["--points", "5"], ["--points", "50"])):
        out = tmp_path / str(number)
        run(["--data", str(tmp_path / "in"), "--image-size", "128", "--out", str(out), *flags])
        report = json.loads((out / "evaluation.json").read_text())
        assert report["points"] == (0, 5, 50)[number]
        scores.append(report["coloured"]["ciede2000"]["mean"])
    assert scores[2] < scores[1] < scores[0]
