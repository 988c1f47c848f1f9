"""The colouring command: whole runs on real files."""

import argparse
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
from helpers import ROOT
from image_files import PHOTOS, files, halve, pixels, save_photos
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.commands import colorize as command
from pix2pix_jax.commands import names
from pix2pix_jax.commands.names import RECORD
from pix2pix_jax.errors import UserError


@pytest.fixture
def run(run, generator_file: Path) -> Callable:
    return partial(run, command.main, "--checkpoint", generator_file)


def shows(result: Path, photo: np.ndarray, tolerance: float = 1.0) -> bool:
    """Whether a result is made of a photograph, by its luma."""
    made = pixels(result)[..., :3]
    return made.shape == photo.shape and np.abs(made @ LUMA_WEIGHTS - photo @ LUMA_WEIGHTS).max() <= tolerance


def colourfulness(path: Path) -> float:
    return np.ptp(pixels(path).astype(int), axis=-1).mean()


def test_photographs_and_folders_keep_their_names_size_and_luma(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "deep/b.png")
    save_photos(tmp_path, "c.png")
    assert run("in", "c.png") == (0, ["3 coloured: colorized"], [])
    assert files(tmp_path / "colorized") == ["a.png", "c.png", "deep/b.png"]
    for name, photo in zip(("a.png", "deep/b.png"), PHOTOS, strict=False):
        assert shows(tmp_path / "colorized" / name, photo)
        assert colourfulness(tmp_path / "colorized" / name) > 5


def test_alpha_orientation_and_depth(run, tmp_path):
    alpha = np.resize(np.arange(256, dtype=np.uint8), PHOTOS[0].shape[:2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.dstack([PHOTOS[0], alpha])).save(tmp_path / "alpha.png", exif=exif)
    deep = (PHOTOS[1, ..., 0].astype(np.uint16) * 257)[:, :30]
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert run("alpha.png", "deep.png")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "colorized/alpha.png")[..., 3], np.rot90(alpha, -1))
    assert shows(tmp_path / "colorized/deep.png", np.dstack([deep / 257] * 3))


def test_extreme_shapes(run, tmp_path):
    sizes = [(1, 1), (3, 10_000), (10_000, 3)]
    for number, size in enumerate(sizes):
        Image.new("L", size, 99).save(tmp_path / f"{number}.png")
    assert run(".")[0] == 0
    made = [pixels(tmp_path / f"colorized/{number}.png").shape for number in range(3)]
    assert made == [(height, width, 3) for width, height in sizes]


def test_side_by_side_and_saturation(run, tmp_path):
    save_photos(tmp_path, "a.png")
    assert run("a.png", "--side-by-side", "-o", "out")[0] == 0
    both = pixels(tmp_path / "out/a.png")
    height, width = PHOTOS[0].shape[:2]
    assert both.shape == (height, 2 * width + 2, 3)
    assert (np.ptp(both[:, :width].astype(int), axis=-1) == 0).all()
    for factor in ("0.2", "0.1"):  # of the generator's strong colours, so that all are within the gamut
        assert run("a.png", "--saturation", factor, "-o", factor)[0] == 0
        assert shows(tmp_path / factor / "a.png", PHOTOS[0])
    luma = PHOTOS[0] @ LUMA_WEIGHTS
    bold, pale = (np.abs(pixels(tmp_path / factor / "a.png") - luma[..., None]).mean() for factor in ("0.2", "0.1"))
    assert pale == pytest.approx(bold / 2, rel=0.1)


def test_bad_files_are_named_and_the_rest_go_on(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "d.png", "e.jpg")
    (tmp_path / "in/b.png").write_bytes(b"")
    (tmp_path / "in/c.jpg").write_text("not an image")
    halve(tmp_path / "in/e.jpg")
    status, out, err = run("in")
    assert (status, out) == (1, ["2 coloured: colorized"])
    for line, name in zip(err, ("b.png", "c.jpg", "e.jpg"), strict=False):
        assert line.startswith(f"error: in/{name} cannot be read: ")
    assert err[3:] == ["error: 3 of 5 photographs could not be coloured"]
    assert files(tmp_path / "colorized") == ["a.png", "d.png"]
    status, out, err = run("in/b.png")
    assert (status, out, len(err)) == (1, [], 1)


def test_nothing_is_overwritten_unless_that_is_wanted(run, tmp_path):
    save_photos(tmp_path, "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert run("a.png")[0] == 0
    status, _, (error,) = run("a.png")
    assert status == 1
    assert error.startswith("error: colorized/a.png is there already: give --overwrite")
    for flags in ((), ("--overwrite",), ("--skip-existing",), ("--replace-originals",)):
        status, _, (error,) = run("a.png", "--out", ".", *flags)
        assert status == 1
        assert error.startswith("error: a.png would be replaced by what is made of it")
        assert (tmp_path / "a.png").read_bytes() == before
    assert run("a.png", "--out", ".", "--overwrite", "--replace-originals")[0] == 0
    assert (tmp_path / "a.png").read_bytes() != before


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


@pytest.mark.parametrize(
    "batches",
    [
        ["y3/s.png", "y2/s.png y3/s.png", "y1/s.png y4/S.png y3/s.png y2/s.png"],
        ["cat.tga", "cat.tga cat.png"],
        ["cat.pgm", "cat.pgm cat.png"],  # which would get the name of the first one's result
    ],
)
def test_a_batch_that_has_grown_keeps_its_names(run, tmp_path, batches):
    last = batches[-1].split()
    for name, photo in zip(last, PHOTOS, strict=False):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image = Image.fromarray(photo)
        (image.convert("L") if name.endswith("pgm") else image).save(tmp_path / name)
    for batch in batches:
        assert run(*batch.split(), "--skip-existing")[0] == 0
    made = files(tmp_path / "colorized")
    assert len({name.casefold() for name in made}) == len(last)
    for photo in PHOTOS[: len(last)]:
        assert sum(shows(tmp_path / "colorized" / name, photo, tolerance=2.0) for name in made) == 1
    assert run(*last, "--skip-existing")[1] == [f"0 coloured, {len(last)} there already: colorized"]


def test_a_record_of_names_that_was_cut_off(run, tmp_path):
    save_photos(tmp_path, "x/a.png", "y/a.png")
    assert run("x/a.png")[0] == 0
    with (tmp_path / "colorized" / RECORD).open("a") as record:
        record.write('["b.png", "b.p')
    assert run("x/a.png", "y/a.png", "--skip-existing")[1] == ["1 coloured, 1 there already: colorized"]
    assert shows(tmp_path / "colorized/a-2.png", PHOTOS[1])


def targets(folder: Path, items: list[names.Item]) -> names.Targets:
    options = argparse.Namespace(out=folder, overwrite=False, skip_existing=False, replace_originals=False)
    return names.Targets(options, items, lambda name: name)


def test_processes_that_give_names_at_once_agree(tmp_path):
    items = [names.Item((str(tmp_path / f"in/{number}/s.png"),), "s.png") for number in range(16)]
    (tmp_path / "out").mkdir()
    given: dict[names.Item, str] = {}
    together = threading.Barrier(len(items))

    def give(item: names.Item) -> None:
        together.wait()
        given[item] = targets(tmp_path / "out", [item]).place(item, Path(item.name)).name

    threads = [threading.Thread(target=give, args=[item]) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given.values()) == sorted(["s.png", *(f"s-{number}.png" for number in range(2, 17))])


def test_in_place_a_file_keeps_its_mode_and_a_link_its_target(run, tmp_path):
    save_photos(tmp_path, "in/a.png", "archive/b.png")
    (tmp_path / "in/a.png").chmod(0o640)
    (tmp_path / "in/b.png").symlink_to("../archive/b.png")
    assert run("in", "--out", "in", "--overwrite", "--replace-originals")[0] == 0
    assert (tmp_path / "in/a.png").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "in/b.png").is_symlink()
    assert colourfulness(tmp_path / "archive/b.png") > 5
    assert shows(tmp_path / "archive/b.png", PHOTOS[1])
    assert not np.array_equal(pixels(tmp_path / "archive/b.png"), PHOTOS[1])
    assert files(tmp_path) == ["archive/b.png", "in/a.png", "in/b.png"]


def test_dates_are_kept_where_that_is_wanted(run, tmp_path):
    save_photos(tmp_path, "a.png")
    os.utime(tmp_path / "a.png", (10**9, 10**9))
    assert run("a.png", "-o", "new")[0] == 0
    assert (tmp_path / "new/a.png").stat().st_mtime > 10**9 + 1
    assert run("a.png", "-o", ".", "--overwrite", "--replace-originals", "--keep-dates")[0] == 0
    assert (tmp_path / "a.png").stat().st_mtime == 10**9


def tiff_of(pages: list[Image.Image]) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], dpi=(300, 300))
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.tif", "a.jpg"])  # of the second, only the content is a TIFF file
def test_all_pages(run, tmp_path, name):
    pages = [Image.fromarray(photo) for photo in PHOTOS]
    pages[2] = pages[2].resize((30, 20))
    (tmp_path / name).write_bytes(tiff_of(pages))
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
    (tmp_path / "a.tif").write_bytes(tiff_of([Image.fromarray(photo) for photo in PHOTOS])[:-3000])
    assert run("a.tif", "--all-pages", "-o", "out")[0] == 1
    assert files(tmp_path) == ["a.tif"]


@pytest.mark.parametrize(
    ("name", "size", "flags"),
    [
        ("a.webp", (10_000, 2), ["--side-by-side"]),
        ("a.jpg", (40_000, 2), ["--side-by-side"]),
        ("a.jpg", (65_500, 2), []),
        ("a.avif", (2, 40_000), []),
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
    save_photos(tmp_path, "a.png", "b.png", "c.gif")
    assert run(".")[0] == 0  # after which the folder holds its results, which are no photographs
    before = (tmp_path / "colorized/a.png").stat().st_mtime_ns
    (tmp_path / "colorized/b.png").unlink()
    assert run(".", "--skip-existing")[:2] == (0, ["1 coloured, 2 there already: colorized"])
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
    status, _, (error,) = run("in/c.CR3")
    assert status == 1
    assert "a camera's raw file" in error


def test_damaged_files_as_far_as_they_go(run, tmp_path):
    Image.fromarray(PHOTOS[0]).resize((300, 200)).save(tmp_path / "whole.jpg", quality=90)
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[:-2000])
    status, _, (error,) = run("cut.jpg")
    assert status == 1
    assert error.endswith("; --damaged takes what it still holds")
    status, _, (note,) = run("cut.jpg", "--damaged")
    assert status == 0
    assert "cut.jpg: the file is damaged" in note
    assert pixels(tmp_path / "colorized/cut.jpg").shape == (200, 300, 3)


def test_a_photograph_yet_to_be_coloured_is_not_replaced(run, tmp_path):
    save_photos(tmp_path / "in", "a.gif", "a.png")
    status, _, err = run("in", "--out", "in", "--overwrite")
    assert status == 1
    assert err[1].startswith("error: in/a.png would be ")
    assert files(tmp_path / "in") == ["a.gif", "a.gif.png", "a.png"]
    np.testing.assert_array_equal(pixels(tmp_path / "in/a.png"), PHOTOS[1])


def test_link_that_leads_out_of_out_is_refused(run, tmp_path):
    save_photos(tmp_path, "in/deep/a.png")
    for folder in ("out", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out/deep").symlink_to(tmp_path / "elsewhere")
    assert run("in", "-o", "out") == (1, [], ["error: out/deep/a.png lies outside out, and is not written"])
    assert files(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("name", ["../a.png", "b/../../a.png", "/a.png"])
def test_a_name_that_climbs_out_of_out_is_refused(tmp_path, name):
    item = names.Item((str(tmp_path / "in.png"),), name)
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="lies outside"):
        targets(tmp_path / "out", [item]).place(item, Path(name))


def test_large_images_name_the_flag(run, tmp_path):
    Image.new("L", (2000, 1000)).save(tmp_path / "a.png")
    status, _, (error,) = run("a.png", "--max-megapixels", "1.9")
    assert status == 1
    assert "allow them with --max-megapixels" in error
    assert run("a.png", "--max-megapixels", "2.1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png"], "there is no file or folder missing.png"),
        (["empty"], "empty holds no images"),
        (["a.png", "-o", "a.png/out"], "cannot write to a.png/out ("),
        (["a.png", "-o", "out.png"], "--out out.png looks like a file: give a folder"),
        (["a.png", "--checkpoint", "nowhere"], "there is no run or file nowhere"),
        (["a.png", "--checkpoint", "a.png"], "a.png cannot be read as a safetensors file"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run, tmp_path, arguments, message):
    save_photos(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    status, out, (error,) = run(*arguments)
    assert (status, out) == (1, [])
    assert error.startswith("error: ")
    assert message in error
    assert files(tmp_path) == ["a.png"]
    assert not (tmp_path / "colorized").exists()


@pytest.fixture
def start(tmp_path: Path, generator_file: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts Python with some arguments in an empty working directory; one process compiles for all."""
    environ = tiny_runs.environment(generator_file.parent / "cache") | {"PYTHONPATH": str(ROOT)}

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, *arguments, "--checkpoint", str(generator_file)]
        return tiny_runs.start(command, environ, cwd=tmp_path, stdout=subprocess.PIPE)

    return start


@pytest.mark.process
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_process_leaves_whole_files_only(start, tmp_path, sent, status):
    (tmp_path / "in").mkdir()
    for number in range(40):
        Image.fromarray(PHOTOS[0]).resize((900, 600)).save(tmp_path / f"in/{number:02}.png")
    with start("-m", "pix2pix_jax.commands.colorize", "in") as process:
        tiny_runs.wait_for(lambda: list(tmp_path.glob("colorized/*.png")), process)
        process.send_signal(sent)
        err = process.communicate(timeout=120)[1]
    assert process.returncode == status
    assert err == ("interrupted\n" if sent == signal.SIGINT else "")
    written = list((tmp_path / "colorized").glob("[!.]*"))
    assert 0 < len(written) < 40
    assert {pixels(path).shape for path in written} == {(600, 900, 3)}


@pytest.mark.process
def test_little_is_imported_to_colour_with_a_file(start, tmp_path):
    code = (
        "import sys; from pix2pix_jax.commands.colorize import main; status = main(sys.argv[1:]);"
        "slow = {'matplotlib', 'orbax', 'skimage', 'tensorflow_datasets', 'tensorflow'};"
        "print(sorted(slow & set(sys.modules))); sys.exit(status)"
    )
    save_photos(tmp_path, "a.png")
    with start("-c", code, "a.png") as process:
        out, err = process.communicate(timeout=120)
    assert out.splitlines() == ["1 coloured: colorized", "[]"], err
