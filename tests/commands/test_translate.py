"""The command `pix2pix-translate`: whole runs on real files."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import translate as command
from pix2pix_jax.commands.names import RECORD
from pix2pix_jax.inference import trained, translate
from pix2pix_jax.photos import read_pixels

PHOTOS = smooth_images(3, 40, seed=2)[:, :30]


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_translator(tmp_path_factory.mktemp("generator") / "g.safetensors")


@pytest.fixture(scope="module")
def loaded() -> Callable[..., trained.TrainedGenerator]:
    """`load_trained` that compiles once for the whole module."""
    return functools.cache(trained.load_trained)


@pytest.fixture
def run(loaded, generator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable:
    """Runs the command in an empty working directory: exit status, lines of stdout, lines of stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(trained, "load_trained", loaded)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)

    def run(*arguments: str) -> tuple[int, list[str], list[str]]:
        given = [] if "--checkpoint" in arguments else ["--checkpoint", str(generator_file)]
        try:
            status = command.main([*arguments, *given])
        except SystemExit as stopped:
            status = stopped.code
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err.splitlines()

    return run


def save_photos(folder: Path, *names: str) -> None:
    for name, photo in zip(names, PHOTOS, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(folder / name)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def files(folder: Path) -> list[str]:
    """The files in a folder, without the record of their names."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.endswith(RECORD))


def test_images_and_folders_keep_their_names_and_sizes(run, tmp_path, loaded, generator_file):
    save_photos(tmp_path / "in", "a.png", "deep/b.jpg")
    save_photos(tmp_path, "c.bmp")
    assert run("in", "c.bmp") == (0, ["3 translated: translated"], [])
    assert files(tmp_path / "translated") == ["a.png", "c.png", "deep/b.png"]
    generator = loaded(str(generator_file))
    np.testing.assert_array_equal(pixels(tmp_path / "translated/a.png"), translate(PHOTOS[0], generator))
    made = translate(tmp_path / "in/deep/b.jpg", generator)
    np.testing.assert_array_equal(pixels(tmp_path / "translated/deep/b.png"), np.asarray(made))


def test_what_is_made_of_an_image_depends_on_it_and_the_seed_alone(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "b.png", "c.png")
    assert run("in", "-o", "all")[0] == 0
    assert run("in/b.png", "-o", "alone")[0] == 0
    assert run("in/b.png", "-o", "seed", "--seed", "1")[0] == 0
    assert run("in/b.png", "-o", "plain", "--test-time", "running", "--seed", "1")[0] == 0
    assert run("in/b.png", "-o", "plain_0", "--test-time", "running")[0] == 0
    made = {name: pixels(tmp_path / name / "b.png") for name in ("all", "alone", "seed", "plain", "plain_0")}
    np.testing.assert_array_equal(made["all"], made["alone"])
    np.testing.assert_array_equal(made["plain"], made["plain_0"])
    assert not np.array_equal(made["all"], made["seed"])
    assert not np.array_equal(made["all"], made["plain"])


def test_side_by_side(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run("a.png", "-o", "out")[0] == 0
    assert run("a.png", "--side-by-side", "-o", "both")[0] == 0
    both = pixels(tmp_path / "both/a.png")
    assert both.shape == (30, 82, 3)
    np.testing.assert_array_equal(both[:, :40], PHOTOS[0])
    np.testing.assert_array_equal(both[:, 42:], pixels(tmp_path / "out/a.png"))


def test_tiles(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run("a.png", "--tile", "16", "--test-time", "running")[0] == 0
    assert pixels(tmp_path / "translated/a.png").shape == PHOTOS[0].shape


def test_deep_images_stay_deep(run, tmp_path):
    gray = save_translator(tmp_path / "gray.safetensors", {"task.input_channels": 1, "task.output_channels": 1})
    colour = save_translator(tmp_path / "colour.safetensors", {"task.input_channels": 1, "data.float_max": 10.0})
    deep = PHOTOS[0, ..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.save(tmp_path / "float.npy", deep / np.float32(6553.5))
    assert run("deep.png", "--checkpoint", str(gray), "-o", "gray")[0] == 0
    without_dropout = ("--test-time", "batch")  # what it draws depends on the values as they are stored
    assert run("deep.png", "float.npy", "--checkpoint", str(colour), "-o", "colour", *without_dropout)[0] == 0
    assert files(tmp_path / "gray") == ["deep.png"]
    assert pixels(tmp_path / "gray/deep.png").dtype == np.uint16
    assert files(tmp_path / "colour") == ["deep.tif", "float.tif"]
    sixteen, floats = (np.asarray(read_pixels(tmp_path / "colour" / name)) for name in ("deep.tif", "float.tif"))
    assert (sixteen.shape, sixteen.dtype) == ((30, 40, 3), np.uint16)
    assert (floats.shape, floats.dtype) == ((30, 40, 3), np.float32)
    np.testing.assert_allclose(floats, sixteen / 6553.5, atol=1e-3)


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
    made = translate(PHOTOS["AB".index(side)], loaded(file))
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
    side, other = ("A", "left") if direction == "AtoB" else ("B", "right")
    for part in ("both.png", side, other):
        assert part in note
    for name, given in (("both.png", a if direction == "AtoB" else b), ("alone.png", a)):
        np.testing.assert_array_equal(
            pixels(tmp_path / "translated" / name), np.asarray(translate(given, loaded(file)))
        )
    with pytest.raises(AssertionError):  # `translate` takes a Pillow image as it is
        np.testing.assert_array_equal(
            np.asarray(translate(both, loaded(file))), pixels(tmp_path / "translated/both.png")
        )


def test_of_several_inputs_and_an_output_the_inputs_are_translated(run, tmp_path):
    several = save_translator(tmp_path / "g", {"task.input_channels": 6})
    save_photos(tmp_path / "in", "A1/x.png", "A2/x.png", "B/x.png")
    status, out, err = run("in", "--checkpoint", str(several))
    assert (status, out) == (0, ["1 translated: translated"])
    assert "translating A1, A2" in err[0]


def test_a_folder_a_alone_is_like_any_other(run, tmp_path):
    save_photos(tmp_path / "in", "B/x.png", "y.png")
    assert run("in")[:2] == (0, ["2 translated: translated"])
    assert files(tmp_path / "translated") == ["B/x.png", "y.png"]


def test_bad_files_are_named_and_the_rest_go_on(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "d.png")
    (tmp_path / "in/b.png").write_bytes(b"")
    Image.fromarray(PHOTOS[0, ..., 0].astype(np.uint16)).save(tmp_path / "in/c.png")
    whole = (tmp_path / "in/d.png").read_bytes()
    (tmp_path / "in/d.png").write_bytes(whole[: len(whole) // 2])
    status, out, err = run("in")
    assert (status, out) == (1, ["1 translated: translated"])
    assert [line.split(":")[1] for line in err[:3]] == [
        " in/b.png cannot be read",
        " in/c.png",
        " in/d.png cannot be read",
    ]
    assert err[1] == "error: in/c.png: the generator takes 3 channels, got 1 image with 1 of 16 bits"
    assert err[3:] == ["error: 3 of 4 images could not be translated"]
    assert files(tmp_path / "translated") == ["a.png"]


def test_nothing_is_overwritten_unless_that_is_wanted(run, tmp_path):
    save_photos(tmp_path / "in", "a.jpg", "a.png")
    status, _, err = run("in", "--out", "in")
    assert status == 1
    assert err[0].startswith("error: in/a.png would be replaced by what is made of it: give another --out")
    assert (tmp_path / "in/a.jpg.png").is_file()
    np.testing.assert_array_equal(pixels(tmp_path / "in/a.png"), PHOTOS[1])
    assert run("in/a.png", "--out", "in", "--overwrite", "--replace-originals")[0] == 0
    assert not np.array_equal(pixels(tmp_path / "in/a.png"), PHOTOS[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png"], "there is no file or folder missing.png"),
        (["empty"], "empty holds no images"),
        (["several"], "several holds B1, B2 and no folder for A"),
        (["phases"], "phases holds pairs in train: give phases/train, of which one side is translated"),
        (["deep"], "deep holds pairs in set: give deep/set, of which one side is translated"),
        (["flat"], "flat holds pairs for test, train: give the folder whose images are to be translated"),
        (["a.png", "-o", "out.png"], "--out out.png looks like a file"),
        (["a.png", "--checkpoint", "nowhere"], "there is no run or file nowhere"),
        (["a.png", "--checkpoint", "{colours}"], "this generator colours photographs"),
        (["a.png", "--max-megapixels", "0.0001"], "allow them with --max-megapixels"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run, tmp_path, generator_file, arguments, message):
    save_photos(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    for folder in ("several/B1", "several/B2", "phases/train/A1", "phases/train/B", "deep/set/A", "deep/set/B"):
        save_photos(tmp_path / folder, "x.png")
    save_photos(tmp_path / "flat", "testA/x.png", "testB/x.png", "trainA/x.png")
    there = files(tmp_path)
    status, out, err = run(*(argument.format(colours=trained.PRETRAINED["reference"]) for argument in arguments))
    assert (status, out, len(err)) == (1, [], 1)
    assert err[0].startswith("error: ")
    assert message in err[0]
    assert files(tmp_path) == there


@pytest.mark.parametrize(
    "arguments", [["a.png", "--test-time", "eval"], ["a.png", "--tile", "0"], ["a.png", "--seed", "x"]]
)
def test_usage(arguments, generator_file, capsys):
    with pytest.raises(SystemExit) as raised:
        command.main([*arguments, "--checkpoint", str(generator_file)])
    assert raised.value.code == 2
    assert "usage: pix2pix-translate" in capsys.readouterr().err
