"""The colouring command: whole runs on real files."""

import io
import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import tiny_runs
from helpers import ROOT
from image_files import PHOTOS, colourfulness, files, halve, pixels, save_photos, shows
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.commands import colorize as command


@pytest.fixture
def run(run, generator_file):
    return partial(run, command.main, "--checkpoint", generator_file)


def test_photographs_and_folders_keep_their_names_size_and_luma(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "deep/b.png")
    save_photos(tmp_path, "c.png")
    assert run("in", "c.png") == (0, ["3 coloured: colorized"], [])
    assert files(tmp_path / "colorized") == ["a.png", "c.png", "deep/b.png"]
    for name, photo in zip(("a.png", "deep/b.png"), PHOTOS, strict=False):
        assert shows(tmp_path / "colorized" / name, photo)
        assert colourfulness(tmp_path / "colorized" / name) > 5


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


def test_a_faded_print_is_restored_where_that_is_wanted(run, tmp_path):
    faded = Image.fromarray(80 + PHOTOS[0] // 2)
    faded.save(tmp_path / "a.png")
    assert run("a.png", "-o", "kept")[0] == run("a.png", "--restore", "--side-by-side")[0] == 0
    assert shows(tmp_path / "kept/a.png", np.asarray(faded))
    both = np.asarray(Image.fromarray(pixels(tmp_path / "colorized/a.png")).convert("L"))
    before, after = both[:, : faded.width], both[:, -faded.width :]
    assert np.abs(before - np.asarray(faded) @ LUMA_WEIGHTS).max() <= 1.0
    assert np.ptp(after.astype(int)) > 2 * np.ptp(before.astype(int))


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
    status, _, (note,) = run("a.tif", "--all-pages", "--damaged")
    assert status == 0
    assert "page 4: the file is damaged" in note
    with Image.open(tmp_path / "colorized/a.tif") as made:
        assert made.n_frames == 4
        made.seek(3)
        assert (np.asarray(made)[-9:] == 0).all()  # and not what the page before shows there


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


def test_what_is_a_photograph_to_others_is_named_and_counted(run, tmp_path):
    save_photos(tmp_path / "in", "a.png")
    for name in ("IMG_1.HEIC", "b.jxl", "c.CR3", "scan.pdf"):
        (tmp_path / "in" / name).write_bytes(bytes(20))
    (tmp_path / "in/d").write_bytes((tmp_path / "in/a.png").read_bytes())
    (tmp_path / "in/e.txt").write_text("no image")
    status, out, err = run("in")
    assert (status, out) == (0, ["1 coloured: colorized"])
    named = ["in/IMG_1.HEIC", "in/b.jxl", "in/c.CR3", "in/d", "in/scan.pdf", "in"]
    assert [line.split(": ")[1] for line in err] == named
    assert "pip install pillow-heif" in err[0]
    assert err[-1] == "note: in: 5 of 6 image files are not read"
    for name, named in (("c.CR3", "a camera's raw file"), ("scan.pdf", "pages")):
        status, _, (error,) = run(f"in/{name}")
        assert status == 1
        assert named in error


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
def start(tmp_path, generator_file):
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
    with start("-m", "pix2pix_jax.commands.start", "colorize", "in") as process:
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
