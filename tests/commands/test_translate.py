"""The command `pix2pix-translate`: whole runs on real files."""

from functools import partial

import numpy as np
import pytest
from image_files import PHOTOS, files, pixels, save_photos
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import translate as command
from pix2pix_jax.inference import translate


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory):
    return save_translator(tmp_path_factory.mktemp("generator") / "g.safetensors")


@pytest.fixture
def run(run, generator_file):
    return partial(run, command.main, "--checkpoint", generator_file)


def test_images_and_folders_keep_their_names_and_sizes(run, tmp_path, loaded, generator_file):
    save_photos(tmp_path / "in", "a.png", "deep/b.jpg")
    save_photos(tmp_path, "c.bmp")
    assert run("in", "c.bmp") == (0, ["3 translated: translated"], [])
    assert files(tmp_path / "translated") == ["a.png", "c.png", "deep/b.png"]
    generator = loaded(str(generator_file))
    np.testing.assert_array_equal(pixels(tmp_path / "translated/a.png"), translate(PHOTOS[0], generator))
    made = translate(tmp_path / "in/deep/b.jpg", generator)
    np.testing.assert_array_equal(pixels(tmp_path / "translated/deep/b.png"), np.asarray(made))


def test_what_is_made_of_an_image_depends_on_it_and_the_flags_alone(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "b.png", "c.png")
    assert run("in", "-o", "all")[0] == 0
    flags = {"alone": [], "seed": ["--seed", "1"], "plain": ["--test-time", "running"], "tiles": ["--tile", "16"]}
    for out, given in flags.items():
        assert run("in/b.png", "-o", out, *given)[0] == 0
    made = {out: pixels(tmp_path / out / "b.png") for out in ("all", *flags)}
    np.testing.assert_array_equal(made["all"], made["alone"])
    for other in ("seed", "plain", "tiles"):
        assert made[other].shape == made["all"].shape
        assert not np.array_equal(made["all"], made[other])


def test_side_by_side(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run("a.png", "-o", "out")[0] == 0
    assert run("a.png", "--side-by-side", "-o", "both")[0] == 0
    both = pixels(tmp_path / "both/a.png")
    assert both.shape == (36, 82, 3)
    np.testing.assert_array_equal(both[:, :40], PHOTOS[0])
    np.testing.assert_array_equal(both[:, 42:], pixels(tmp_path / "out/a.png"))


def test_folders_of_several_inputs(run, tmp_path, loaded):
    several = save_translator(tmp_path / "g", {"task.input_channels": 4})
    save_photos(tmp_path / "in/A1", "x.png", "y.jpg")
    for name in ("x.png", "y.png"):
        (tmp_path / "in/A2").mkdir(exist_ok=True)
        Image.fromarray(PHOTOS[2, ..., 0]).save(tmp_path / "in/A2" / name)
    assert run("in", "--checkpoint", str(several))[:2] == (0, ["2 translated: translated"])
    assert files(tmp_path / "translated") == ["x.png", "y.png"]
    made = translate(np.dstack([PHOTOS[0], PHOTOS[2, ..., 0]]), loaded(str(several)))
    np.testing.assert_array_equal(pixels(tmp_path / "translated/x.png"), made)
    (tmp_path / "in/A2/y.png").unlink()
    status, _, err = run("in", "--checkpoint", str(several), "--overwrite")
    assert (status, len(err)) == (1, 1)
    assert "A1/y.jpg has no partner in A2" in err[0]


@pytest.mark.parametrize(("direction", "side"), [("AtoB", "A"), ("BtoA", "B")])
def test_of_pairs_the_side_is_translated_that_the_generator_is_given(run, tmp_path, loaded, direction, side):
    file = str(save_translator(tmp_path / "g", {"data.direction": direction}))
    save_photos(tmp_path / "in", "A/x.png", "B/x.png", "C/x.png")
    save_photos(tmp_path / "in", "y.png")
    status, out, err = run("in", "--checkpoint", file)
    assert (status, out) == (0, ["1 translated: translated"])
    assert f"note: in: translating {side} (data.direction={direction})" in err
    assert files(tmp_path / "translated") == ["x.png"]
    made = translate(PHOTOS["AB".index(side)], loaded(str(file)))
    np.testing.assert_array_equal(pixels(tmp_path / "translated/x.png"), made)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_of_an_image_that_holds_both_sides_the_given_half_is_translated(run, tmp_path, loaded, direction):
    file = save_translator(tmp_path / "g.safetensors", {"task.joined_aspect": 2.0, "data.direction": direction})
    a, b = (Image.fromarray(photo).resize((32, 32)) for photo in PHOTOS[:2])
    both = Image.new("RGB", (64, 32))
    both.paste(a, (0, 0)), both.paste(b, (32, 0))
    folder = tmp_path / "given"
    folder.mkdir()
    both.save(folder / "both.png")
    a.save(folder / "alone.png")
    status, _, notes = run(str(folder), "--checkpoint", str(file))
    assert status == 0
    (note,) = notes
    side, half = ("A", "left") if direction == "AtoB" else ("B", "right")
    for part in ("both.png", side, half):
        assert part in note
    for name, given in (("both.png", a if direction == "AtoB" else b), ("alone.png", a)):
        made = pixels(tmp_path / "translated" / name)
        np.testing.assert_array_equal(made, np.asarray(translate(given, loaded(str(file)))))


def test_a_folder_a_alone_is_like_any_other(run, tmp_path):
    save_photos(tmp_path / "in", "B/x.png", "y.png")
    assert run("in")[:2] == (0, ["2 translated: translated"])
    assert files(tmp_path / "translated") == ["B/x.png", "y.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty"], "empty holds no images"),
        (["deep.png"], "deep.png: the generator takes 3 channels, got 1 image with 1 of 16 bits"),
        (["several"], "several holds B1, B2 and no folder for A"),
        (["phases"], "phases holds pairs in train: give phases/train, of which one side is translated"),
        (["deep"], "deep holds pairs in set: give deep/set, of which one side is translated"),
        (["flat"], "flat holds pairs for test, train: give the folder whose images are to be translated"),
        (["a.png", "--checkpoint", "reference"], "this generator colours photographs"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run, tmp_path, arguments, message):
    save_photos(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    for folder in ("several/B1", "several/B2", "phases/train/A1", "phases/train/B", "deep/set/A", "deep/set/B"):
        save_photos(tmp_path / folder, "x.png")
    save_photos(tmp_path / "flat", "testA/x.png", "testB/x.png", "trainA/x.png")
    Image.fromarray(PHOTOS[0, ..., 0].astype(np.uint16)).save(tmp_path / "deep.png")
    there = files(tmp_path)
    status, out, (error,) = run(*arguments)
    assert (status, out) == (1, [])
    assert error.startswith("error: ")
    assert message in error
    assert files(tmp_path) == there
