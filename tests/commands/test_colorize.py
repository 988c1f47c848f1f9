"""The colouring command: whole runs on real files."""

import argparse
import functools
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image

from pix2pix_jax import inference
from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.commands import colorize as command
from pix2pix_jax.commands import names
from pix2pix_jax.commands.names import RECORD
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.trained import TrainedGenerator, load_trained

PHOTOS = smooth_images(4, 40, seed=2)[:, :36]


@pytest.fixture(scope="module")
def loaded() -> Callable[..., TrainedGenerator]:
    """`load_trained` that compiles once for the whole module."""
    return functools.cache(load_trained)


@pytest.fixture
def generator(loaded, generator_file: Path) -> TrainedGenerator:
    return loaded(str(generator_file))


@pytest.fixture
def run(loaded, generator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable:
    """Runs the command in an empty working directory: exit status, lines of stdout, lines of stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(inference, "load_trained", loaded)
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


def test_photographs_and_folders_keep_their_names_size_and_luma(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "deep/b.png")
    save_photos(tmp_path, "c.png")
    assert run("in", "c.png") == (0, ["3 coloured: colorized"], [])
    assert files(tmp_path / "colorized") == ["a.png", "c.png", "deep/b.png"]
    for name, photo in zip(("a.png", "deep/b.png"), PHOTOS, strict=False):
        colored = pixels(tmp_path / "colorized" / name)
        assert colored.shape == photo.shape
        assert np.abs(colored @ LUMA_WEIGHTS - photo @ LUMA_WEIGHTS).max() <= 1.0
        assert np.ptp(colored.astype(int), axis=-1).mean() > 5


def test_alpha_orientation_and_depth(run, tmp_path):
    alpha = np.resize(np.arange(256, dtype=np.uint8), PHOTOS[0].shape[:2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.dstack([PHOTOS[0], alpha])).save(tmp_path / "alpha.png", exif=exif)
    deep = (PHOTOS[1, ..., 0].astype(np.uint16) * 257)[:, :30]
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert run("alpha.png", "deep.png")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "colorized/alpha.png")[..., 3], np.rot90(alpha, -1))
    colored = pixels(tmp_path / "colorized/deep.png")
    assert (colored.shape, colored.dtype) == ((36, 30, 3), np.uint8)
    assert np.abs(colored @ LUMA_WEIGHTS - deep / 257).max() <= 1.0


@pytest.mark.parametrize("size", [(1, 1), (3, 10_000), (10_000, 3)])
def test_extreme_shapes(run, tmp_path, size):
    Image.new("L", size, 99).save(tmp_path / "a.png")
    assert run("a.png")[0] == 0
    assert pixels(tmp_path / "colorized/a.png").shape == (size[1], size[0], 3)


def test_side_by_side(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run("a.png", "--side-by-side", "-o", "out")[0] == 0
    both = pixels(tmp_path / "out/a.png")
    height, width = PHOTOS[0].shape[:2]
    assert both.shape == (height, 2 * width + 2, 3)
    assert (np.ptp(both[:, :width].astype(int), axis=-1) == 0).all()


def test_saturation(run, tmp_path):
    save_photos(tmp_path, "a.png")
    for factor in ("0.2", "0.1"):  # of the generator's strong colours, so that all are within the gamut
        assert run("a.png", "--saturation", factor, "-o", factor)[0] == 0
    bold, pale = (pixels(tmp_path / factor / "a.png").astype(float) for factor in ("0.2", "0.1"))
    luma = PHOTOS[0] @ LUMA_WEIGHTS
    assert np.abs(pale @ LUMA_WEIGHTS - luma).max() <= 1.0
    assert np.abs(pale - luma[..., None]).mean() == pytest.approx(np.abs(bold - luma[..., None]).mean() / 2, rel=0.1)


def test_test_time(run, tmp_path):
    save_photos(tmp_path, "a.png", "b.png")
    for way, given in {"running": ("a.png",), "batch": ("a.png",), "both": ("a.png", "b.png")}.items():
        flags = ("--test-time", "running" if way == "running" else "batch", "--seed", "1")
        assert run(*given, *flags, "-o", way)[0] == 0
    assert run("a.png", "-o", "default")[0] == 0
    made = {way: pixels(tmp_path / way / "a.png") for way in ("running", "batch", "both", "default")}
    np.testing.assert_array_equal(made["running"], made["default"])
    np.testing.assert_array_equal(made["batch"], made["both"])
    assert not np.array_equal(made["batch"], made["running"])


def test_bad_files_are_named_and_the_rest_go_on(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "d.png", "e.jpg")
    (tmp_path / "in/b.png").write_bytes(b"")
    (tmp_path / "in/c.jpg").write_text("not an image")
    whole = (tmp_path / "in/e.jpg").read_bytes()
    (tmp_path / "in/e.jpg").write_bytes(whole[: len(whole) // 2])
    status, out, err = run("in")
    assert (status, out) == (1, ["2 coloured: colorized"])
    assert [line.split(" cannot be read: ")[0] for line in err[:3]] == [
        f"error: in/{n}" for n in ("b.png", "c.jpg", "e.jpg")
    ]
    assert err[3:] == ["error: 3 of 5 photographs could not be coloured"]
    assert files(tmp_path / "colorized") == ["a.png", "d.png"]


def test_one_bad_file_alone_is_one_line(run, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    status, out, err = run("a.jpg")
    assert (status, out, len(err)) == (1, [], 1)


def test_formats_without_colour_become_png_with_a_note(run, tmp_path):
    frames = [Image.fromarray(photo) for photo in PHOTOS]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    status, _, err = run("a.gif")
    assert status == 0
    assert "the first of its 4 frames" in err[0]
    assert "written as a.png, for .gif" in err[1]
    assert files(tmp_path / "colorized") == ["a.png"]


def test_nothing_is_overwritten_unless_that_is_wanted(run, tmp_path):
    save_photos(tmp_path, "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert run("a.png")[0] == 0
    status, _, err = run("a.png")
    assert status == 1
    assert err == [
        "error: colorized/a.png is there already: give --overwrite to replace it, or another folder with --out"
    ]
    for flags in ((), ("--overwrite",), ("--skip-existing",), ("--replace-originals",)):
        status, _, err = run("a.png", "--out", ".", *flags)
        assert status == 1
        assert err == [
            "error: a.png would be replaced by what is made of it: give another --out, or --overwrite with"
            " --replace-originals"
        ]
        assert (tmp_path / "a.png").read_bytes() == before
    assert run("a.png", "--out", ".", "--overwrite", "--replace-originals")[0] == 0
    assert (tmp_path / "a.png").read_bytes() != before


def test_photographs_of_one_name_do_not_replace_each_other(run, tmp_path):
    save_photos(tmp_path, "x/a.png", "y/a.png")
    status, _, err = run("x", "y", "x/a.png", "--overwrite")
    assert (status, len(err)) == (0, 1)
    assert "note: y/a.png: written as a-2.png" in err[0]
    for name, photo in zip(("a.png", "a-2.png"), PHOTOS, strict=False):
        assert np.abs(pixels(tmp_path / "colorized" / name) @ LUMA_WEIGHTS - photo @ LUMA_WEIGHTS).max() <= 1.0


def test_who_can_keep_its_name_gets_it_and_the_others_a_free_one(run, tmp_path):
    for name in ("cat.gif", "cat.png", "dog.gif", "dog.pgm", "Paris 12.05.1944.png", "Paris 12.05.1945.gif"):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(PHOTOS[0]).convert("L").save(tmp_path / "in" / name)
    for _ in range(2):  # the same names when the batch goes on
        assert run("in", "--skip-existing")[0] == 0
        assert files(tmp_path / "colorized") == [
            *("Paris 12.05.1944.png", "Paris 12.05.1945.png"),
            *("cat.gif.png", "cat.png", "dog.pgm.png", "dog.png"),
        ]
    (tmp_path / "Paris 12.05.1944").write_bytes((tmp_path / "in/cat.png").read_bytes())
    (note,) = run("Paris 12.05.1944", "-o", "out")[2]
    assert "written as Paris 12.05.1944.png" in note


def shows(result: Path, photo: np.ndarray) -> bool:
    """Whether a result is made of a photograph, by its luma."""
    return np.abs(pixels(result)[..., :3] @ LUMA_WEIGHTS - photo @ LUMA_WEIGHTS).max() <= 1.0


def test_a_batch_that_has_grown_keeps_its_names(run, tmp_path):
    save_photos(tmp_path, "y1/s.png", "y2/s.png", "y3/s.gif", "y4/S.png")
    Image.fromarray(PHOTOS[2]).save(tmp_path / "y3/s.png")
    batches = ["y3/s.png"], ["y2/s.png", "y3/s.png"], ["y1/s.png", "y4/S.png", "y3/s.png", "y2/s.png"]
    for batch in batches:
        assert run(*batch, "--skip-existing")[0] == 0
    made = files(tmp_path / "colorized")
    assert len({name.casefold() for name in made}) == 4
    for photo in PHOTOS:
        assert sum(shows(tmp_path / "colorized" / name, photo) for name in made) == 1
    assert run(*batches[-1], "--skip-existing")[1] == ["0 coloured, 4 there already: colorized"]


def test_a_photograph_that_would_get_the_name_of_another_s_result(run, tmp_path):
    save_photos(tmp_path / "in", "cat.gif")
    assert run("in")[0] == 0
    Image.fromarray(PHOTOS[1]).save(tmp_path / "in/cat.png")
    assert run("in", "--skip-existing")[1] == ["1 coloured, 1 there already: colorized"]
    assert len(files(tmp_path / "colorized")) == 2
    assert any(shows(tmp_path / "colorized" / name, PHOTOS[1]) for name in files(tmp_path / "colorized"))


def test_a_record_of_names_that_was_cut_off(run, tmp_path):
    save_photos(tmp_path, "x/a.png", "y/a.png")
    assert run("x/a.png")[0] == 0
    with (tmp_path / "colorized" / RECORD).open("a") as record:
        record.write('["b.png", "b.p')
    assert run("x/a.png", "y/a.png", "--skip-existing")[1] == ["1 coloured, 1 there already: colorized"]
    assert shows(tmp_path / "colorized/a-2.png", PHOTOS[1])


def test_two_processes_that_give_names_at_once_agree(tmp_path, monkeypatch):
    options = argparse.Namespace(out=tmp_path / "out", overwrite=False, skip_existing=False, replace_originals=False)
    options.out.mkdir()
    items = [names.Item((tmp_path / folder / "s.png",), Path("s.png")) for folder in ("y1", "y2")]
    record = names.Targets._record
    others = []

    def second_comes_first(self, entries):
        if not others:
            others.append(None)
            others.append(names.Targets(options, items[1:], lambda name: name))
        record(self, entries)

    monkeypatch.setattr(names.Targets, "_record", second_comes_first)
    first = names.Targets(options, items[:1], lambda name: name)
    assert first.place(items[0], Path("s.png")).name == "s-2.png"
    assert others[1].place(items[1], Path("s.png")).name == "s.png"


def test_one_name_in_many_folders_takes_no_longer_than_other_names(tmp_path):
    options = argparse.Namespace(out=tmp_path, overwrite=False, skip_existing=False, replace_originals=False)
    items = [names.Item((tmp_path / f"{number}/scan.jpg",), Path("scan.jpg")) for number in range(4000)]
    begin = time.process_time()
    targets = names.Targets(options, items, lambda name: name)
    assert time.process_time() - begin < 10
    assert len({targets.place(item, item.name) for item in items[::10]}) == 400


def test_in_place_a_file_keeps_its_mode_and_a_link_its_target(run, tmp_path):
    save_photos(tmp_path, "in/a.png", "archive/b.png")
    (tmp_path / "in/a.png").chmod(0o640)
    (tmp_path / "in/b.png").symlink_to("../archive/b.png")
    assert run("in", "--out", "in", "--overwrite", "--replace-originals")[0] == 0
    assert (tmp_path / "in/a.png").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "in/b.png").is_symlink()
    assert np.ptp(pixels(tmp_path / "archive/b.png").astype(int), axis=-1).mean() > 5
    assert shows(tmp_path / "archive/b.png", PHOTOS[1])
    assert not np.array_equal(pixels(tmp_path / "archive/b.png"), PHOTOS[1])
    assert files(tmp_path) == ["archive/b.png", "in/a.png", "in/b.png"]


def test_dates_are_kept_where_that_is_wanted(run, tmp_path):
    save_photos(tmp_path, "a.png")
    os.utime(tmp_path / "a.png", (10**9, 10**9))
    assert run("a.png", "-o", "new")[0] == 0
    assert (tmp_path / "new/a.png").stat().st_mtime > 10**9 + 1
    assert run("a.png", "--keep-dates")[0] == 0
    assert (tmp_path / "colorized/a.png").stat().st_mtime == 10**9
    assert run("a.png", "-o", ".", "--overwrite", "--replace-originals", "--keep-dates")[0] == 0
    assert (tmp_path / "a.png").stat().st_mtime == 10**9


def tiff_of(pages: list[Image.Image], **options: object) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], **options)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.tif", "a.jpg"])  # of the second, only the content is a TIFF file
def test_all_pages(run, tmp_path, name):
    pages = [Image.fromarray(photo) for photo in PHOTOS]
    pages[2] = pages[2].resize((30, 20))
    (tmp_path / name).write_bytes(tiff_of(pages, dpi=(300, 300)))
    assert run(name, "-o", "one")[0] == 0
    status, _, said = run(name, "--all-pages")
    assert status == 0
    assert "Exception" not in "\n".join(said)  # of Pillow's writer, when it goes
    with Image.open(tmp_path / "colorized/a.tif") as made:
        assert made.n_frames == 4
        for number, page in enumerate(pages):
            made.seek(number)
            made.load()
            assert (made.mode, made.size) == ("RGB", page.size)
            assert np.abs(np.asarray(made) @ LUMA_WEIGHTS - np.asarray(page) @ LUMA_WEIGHTS).max() <= 1.0
        assert made.info["dpi"] == (300, 300)


def test_a_page_that_cannot_be_read_writes_nothing(run, tmp_path):
    pages = [Image.fromarray(photo) for photo in PHOTOS]
    (tmp_path / "a.tif").write_bytes(tiff_of(pages)[:-3000])
    assert run("a.tif", "--all-pages", "-o", "out")[0] == 1
    assert files(tmp_path) == ["a.tif"]


@pytest.mark.parametrize(
    ("name", "size", "flags"),
    [
        ("a.webp", (10_000, 2), ("--side-by-side",)),
        ("a.jpg", (40_000, 2), ("--side-by-side",)),
        ("a.jpg", (65_500, 2), ()),
        ("a.avif", (2, 40_000), ()),
    ],
)
def test_what_is_too_large_for_its_format_is_a_png(run, tmp_path, name, size, flags):
    Image.new("L", size, 99).save(tmp_path / name, "PNG")
    status, _, err = run(name, *flags)
    assert status == 0
    (made,) = (tmp_path / "colorized").glob("a.*")
    kept = name == "a.jpg" and not flags
    assert made.suffix == (".jpg" if kept else ".png")
    assert len(err) == (0 if kept else 1)
    assert pixels(made).shape[:2] == (size[1], size[0] if not flags else 2 * size[0] + 2)


def test_a_batch_goes_on_with_what_is_not_there_yet(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "b.png", "c.gif")
    assert run("in")[0] == 0
    before = (tmp_path / "colorized/a.png").stat().st_mtime_ns
    (tmp_path / "colorized/b.png").unlink()
    assert run("in", "--skip-existing")[:2] == (0, ["1 coloured, 2 there already: colorized"])
    assert run("in", "--skip-existing")[:2] == (0, ["0 coloured, 3 there already: colorized"])
    assert (tmp_path / "colorized/a.png").stat().st_mtime_ns == before


def test_what_is_a_photograph_to_others_is_named_and_counted(run, tmp_path):
    save_photos(tmp_path / "in", "a.png")
    for name in ("IMG_1.HEIC", "b.jxl", "c.CR3"):
        (tmp_path / "in" / name).write_bytes(bytes(20))
    (tmp_path / "in/d").write_bytes((tmp_path / "in/a.png").read_bytes())
    (tmp_path / "in/e.txt").write_text("no image")
    status, out, err = run("in")
    assert (status, out) == (0, ["1 coloured: colorized"])
    assert [line.split(": ")[1] for line in err] == ["in/IMG_1.HEIC", "in/b.jxl", "in/c.CR3", "in/d", "in"]
    assert "pip install pillow-heif" in err[0]
    assert err[-1] == "note: in: 4 of 5 image files are not read"
    status, _, err = run("in/c.CR3")
    assert (status, err) == (
        1,
        ["error: in/c.CR3 cannot be read: a camera's raw file is not read: develop it to JPEG, PNG or TIFF"],
    )


def test_damaged_files_as_far_as_they_go(run, tmp_path):
    Image.fromarray(PHOTOS[0]).resize((300, 200)).save(tmp_path / "whole.jpg", quality=90)
    data = (tmp_path / "whole.jpg").read_bytes()
    for name, missing in (("end", 2), ("cut", 2000)):
        (tmp_path / f"{name}.jpg").write_bytes(data[:-missing])
    status, _, err = run("end.jpg")
    assert (status, len(err)) == (0, 1)
    assert "end.jpg" in err[0]
    status, _, err = run("cut.jpg")
    assert status == 1
    assert err[0].endswith("; --damaged takes what it still holds")
    status, _, err = run("cut.jpg", "--damaged")
    assert (status, len(err)) == (0, 1)
    assert "cut.jpg: the file is damaged" in err[0]
    assert pixels(tmp_path / "colorized/cut.jpg").shape == (200, 300, 3)


def test_a_photograph_yet_to_be_coloured_is_not_replaced(run, tmp_path):
    save_photos(tmp_path / "in", "a.gif", "a.png")
    status, _, err = run("in", "--out", "in", "--overwrite")
    assert status == 1
    assert [line.partition(" would be ")[0] for line in err[1:2]] == ["error: in/a.png"]
    assert files(tmp_path / "in") == ["a.gif", "a.gif.png", "a.png"]
    assert np.abs(pixels(tmp_path / "in/a.png") @ LUMA_WEIGHTS - PHOTOS[1] @ LUMA_WEIGHTS).max() <= 1.0


def test_earlier_results_are_no_photographs(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run(".")[1] == ["1 coloured: colorized"]
    assert run(".", "--overwrite")[1] == ["1 coloured: colorized"]


def test_link_that_leads_out_of_out_is_refused(run, tmp_path):
    save_photos(tmp_path, "in/deep/a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/deep").symlink_to(tmp_path / "elsewhere")
    status, _, err = run("in", "-o", "out")
    assert (status, err) == (1, ["error: out/deep/a.png lies outside out, and is not written"])
    assert files(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("name", ["../a.png", "b/../../a.png", "/a.png"])
def test_a_name_that_climbs_out_of_out_is_refused(tmp_path, name):
    options = argparse.Namespace(out=tmp_path / "out", overwrite=True, skip_existing=False, replace_originals=False)
    item = names.Item((tmp_path / "in.png",), Path(name))
    options.out.mkdir()
    with pytest.raises(UserError, match="lies outside"):
        names.Targets(options, [item], lambda name: name).place(item, item.name)


def test_large_images_name_the_flag(run, tmp_path):
    Image.new("L", (2000, 1000)).save(tmp_path / "a.png")
    status, _, err = run("a.png", "--max-megapixels", "1.9")
    assert (status, len(err)) == (1, 1)
    assert "allow them with --max-megapixels" in err[0]
    assert run("a.png", "--max-megapixels", "2.1")[0] == 0


def _other_architecture(folder: Path, generator: TrainedGenerator) -> None:
    config = updated(default_config(), {"task.generator_makes": "rgb"})
    TrainedGenerator(config, generator.params, generator.averages).save(folder / "g.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png"], "there is no file or folder missing.png"),
        (["empty"], "empty holds no images"),
        (["a.png", "-o", "a.png/out"], "cannot write to a.png/out ("),
        (["a.png", "-o", "out.png"], "--out out.png looks like a file: give a folder"),
        (["a.png", "-o", "file"], "cannot write to file ("),
        (["a.png", "--checkpoint", "nowhere"], "there is no run or file nowhere"),
        (["a.png", "--checkpoint", "a.png"], "a.png cannot be read as a safetensors file"),
        (["a.png", "--checkpoint", "g.safetensors"], "is [2], the generator's is [3]"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run, tmp_path, generator, arguments, message):
    save_photos(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    _other_architecture(tmp_path, generator)
    status, out, err = run(*arguments)
    assert (status, out, len(err)) == (1, [], 1)
    assert err[0].startswith("error: ")
    assert message in err[0]
    assert files(tmp_path) == ["a.png", "file", "g.safetensors"]
    assert not (tmp_path / "colorized").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["a.png", "--nonsense"], ["a.png", "--max-megapixels", "-1"], ["a.png", "--saturation", "0"]]
)
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        command.main(arguments)
    assert raised.value.code == 2
    assert "usage: pix2pix-colorize" in capsys.readouterr().err
