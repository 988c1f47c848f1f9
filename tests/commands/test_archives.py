"""Many photographs: parts of a folder, lists, reports, several at a time, and names that take little memory."""

import argparse
import json
import os
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from image_files import files, pixels, save_photos

from pix2pix_jax.commands import colorize
from pix2pix_jax.commands.names import Item, Targets

NAMES = [f"{folder}/{number}.png" for folder in ("a", "b", "c") for number in range(4)]


@pytest.fixture
def run(run, generator_file, tmp_path):
    for folder in ("a", "b", "c"):
        save_photos(tmp_path / "in" / folder, *(f"{number}.png" for number in range(4)))
    return partial(run, colorize.main, "--checkpoint", generator_file)


def test_shards_share_a_folder_and_stay_when_it_grows(run, tmp_path):
    made = []
    for part in (1, 2, 3):
        before = set(files(tmp_path / "out"))
        assert run("in", "-o", "out", "--shard", f"{part}/3")[0] == 0  # which would refuse what is there already
        made.append(set(files(tmp_path / "out")) - before)
    assert sorted(name for part in made for name in part) == NAMES
    assert min(map(len, made)) > 0
    save_photos(tmp_path / "in", "0.png", "z.png")
    assert run("in", "-o", "again", "--shard", "2/3")[0] == 0
    assert made[1] <= set(files(tmp_path / "again")) <= made[1] | {"0.png", "z.png"}
    assert run("in", "-o", "out", "--shard", "4/3")[0] == 2


def test_a_list_and_a_report_of_what_became_of_each(run, tmp_path):
    (tmp_path / "list.txt").write_bytes(b"in/a/0.png\nin/missing.png\r\n\nin/b\n")
    status, out, err = run("--from", "list.txt", "--report", "report.jsonl")
    assert (status, out) == (1, ["5 coloured: colorized"])
    (error, count) = (line for line in err if line.startswith("error: "))  # a note tells of the second 0.png
    assert "in/missing.png" in error
    assert "1 of 6" in count
    lines = {line["input"]: line for line in map(json.loads, (tmp_path / "report.jsonl").read_text().splitlines())}
    assert set(lines) == {"in/a/0.png", "in/missing.png", *(f"in/b/{number}.png" for number in range(4))}
    assert lines["in/missing.png"]["output"] is None
    assert "in/missing.png" in lines["in/missing.png"]["error"]
    line = lines["in/b/3.png"]
    assert (line["size"], line["error"]) == ([40, 36], None)
    assert pixels(tmp_path / line["output"]).shape == (36, 40, 3)
    assert run("--from", "list.txt", "--skip-existing", "--report", "report.jsonl")[1][0].startswith("0 coloured, 5 ")
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 7  # more of what was tried again only
    assert "nowhere.txt" in run("--from", "nowhere.txt")[2][0]
    assert "--from" in run()[2][0]


def test_a_list_comes_from_standard_input(run, tmp_path):
    own, (read, write) = os.dup(0), os.pipe()
    os.write(write, b"in/a/0.png\nin/b\n")
    os.close(write)
    os.dup2(read, 0)
    try:
        assert run("--from", "-")[:2] == (0, ["5 coloured: colorized"])
    finally:
        os.dup2(own, 0)
        os.close(read)


def test_several_at_a_time_make_what_one_at_a_time_makes(run, tmp_path):
    _, (said,), _ = run("in", "-o", "one", "--jobs", "1")
    assert said.startswith("12 coloured, ")
    assert "megapixels a second" in said
    assert run("in", "-o", "four", "--jobs", "4")[0] == 0
    assert files(tmp_path / "four") == NAMES
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "four" / name).read_bytes()


def test_a_name_takes_less_than_a_kilobyte(tmp_path):
    options = argparse.Namespace(out=tmp_path, overwrite=False, skip_existing=True, replace_originals=False)
    names = [f"album{number // 1000}/photograph_{number}.jpg" for number in range(2000)]
    for _ in range(2):  # the second time there is a record of them
        tracemalloc.start()
        items = [Item((f"/archive/of/photographs/{name}",), name) for name in names]
        targets = Targets(options, items, lambda name: name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1000 * len(names)
    assert targets.place(items[-1], Path(names[-1])) == tmp_path / names[-1]


@pytest.mark.parametrize(
    ("content", "says"),
    [("in/a/0.png\n".encode("utf-16"), "UTF-8"), (b"x" * 5000, "too long"), ("\ufeffin/a/0.png\r\n".encode(), None)],
)
def test_lists_of_other_systems(run, tmp_path, content, says):
    (tmp_path / "list.txt").write_bytes(content)
    status, _, err = run("--from", "list.txt")
    assert (status, len(err)) == ((1, 1) if says else (0, 0))
    assert not says or says in err[0]


def test_a_name_does_nothing_to_the_terminal(run, tmp_path):
    (tmp_path / "a\x1b[31m\nb.png").write_bytes(b"")
    _, _, (error,) = run("a\x1b[31m\nb.png")
    assert r"a\x1b[31m\nb.png" in error
