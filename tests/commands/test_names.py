"""Where results go, and under which names: nothing is replaced that is not a result's own."""

import argparse
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from image_files import PHOTOS, colourfulness, files, pixels, save_photos, shows
from PIL import Image

from pix2pix_jax.commands import colorize, names
from pix2pix_jax.commands.names import RECORD
from pix2pix_jax.errors import UserError


@pytest.fixture
def run(run, generator_file):
    return partial(run, colorize.main, "--checkpoint", generator_file)


def test_nothing_is_overwritten_unless_that_is_wanted(run, tmp_path):
    save_photos(tmp_path, "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert run("a.png")[0] == 0
    for flags in ((), ("--overwrite",), ("--skip-existing",), ("--replace-originals",)):
        status, _, (error,) = run("a.png", "--out", ".", *flags)
        assert status == 1
        assert "--out . holds what is read" in error
        assert (tmp_path / "a.png").read_bytes() == before
    assert run("a.png", "--out", ".", "--overwrite", "--replace-originals")[0] == 0
    assert (tmp_path / "a.png").read_bytes() != before


@pytest.mark.parametrize("arguments", ["in", "in/a.gif", "in/deep", "in other -o other", "in/deep -o in"])
def test_results_do_not_go_among_what_is_read(run, tmp_path, arguments):
    save_photos(tmp_path, "in/a.gif", "in/deep/deep/b.gif", "other/c.png")
    before = sorted(tmp_path.rglob("*"))
    given = arguments if "-o" in arguments else f"{arguments} -o {arguments.removesuffix('/a.gif')}"
    status, out, (error,) = run(*given.split())
    assert (status, out) == (1, [])
    assert "--replace-originals" in error
    assert sorted(tmp_path.rglob("*")) == before


def test_results_of_another_run_are_no_photographs(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "deep/b.png")
    assert run("in", "-o", "in/first")[0] == 0
    status, out, (note,) = run("in", "-o", "second")
    assert (status, out) == (0, ["2 coloured: second"])
    assert note.startswith("note: in/first: ")
    assert run("in/first", "-o", "third")[1:] == (["2 coloured: third"], [])


def test_what_is_there_already_is_one_line(run, tmp_path):
    save_photos(tmp_path / "in", "a.png", "b.png")
    assert run("in")[0] == 0
    save_photos(tmp_path / "in", "a.png", "b.png", "c.png")
    status, out, (error,) = run("in")
    assert (status, out) == (1, ["1 coloured: colorized"])
    assert error.startswith("error: colorized/a.png is there already (and 1 more): ")
    assert "--skip-existing" in error
    assert "colorized/a.png is there already: " in run("in/a.png")[2][0]


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
        record.write('["b.png", "b.p\n' + 100_000 * "[")
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


def test_a_batch_goes_on_with_what_is_not_there_yet(run, tmp_path):
    save_photos(tmp_path, "a.png", "b.png", "c.gif")
    assert run(".")[0] == 0  # after which the folder holds its results, which are no photographs
    before = (tmp_path / "colorized/a.png").stat().st_mtime_ns
    (tmp_path / "colorized/b.png").unlink()
    assert run(".", "--skip-existing")[:2] == (0, ["1 coloured, 2 there already: colorized"])
    assert (tmp_path / "colorized/a.png").stat().st_mtime_ns == before


def test_a_photograph_yet_to_be_coloured_is_not_replaced(run, tmp_path):
    save_photos(tmp_path / "in", "a.gif", "a.png")
    assert run("in", "--out", "in", "--overwrite", "--replace-originals")[0] == 0
    assert files(tmp_path / "in") == ["a.gif", "a.gif.png", "a.png"]
    assert shows(tmp_path / "in/a.png", PHOTOS[1])


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
