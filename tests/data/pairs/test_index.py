"""Headers are read once, and again where a file has changed."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from helpers import save_image

from pix2pix_jax.data.pairs import index
from pix2pix_jax.data.pairs.files import Header
from pix2pix_jax.errors import UserError

NAMES = ["A/1.png", "A/ü 2.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        save_image(tmp_path / "root" / name, np.zeros((4 + number, 5, 3), np.uint8))
    return tmp_path / "root"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose header was read, so far."""
    names = []
    read_header = index.read_header

    def recorded(path: Path) -> Header:
        names.append(path.name)
        return read_header(path)

    monkeypatch.setattr(index, "read_header", recorded)
    return names


def look(root: Path, names: list[str] = NAMES) -> index.Index:
    return index.index_of(root, ["A"], names, root.parent / "cache")


def test_a_second_start_opens_no_file(root: Path, opened: list[str]) -> None:
    first = look(root)
    assert first.headers == {"A/1.png": Header(4, 5, 3, 3, "uint8"), "A/ü 2.png": Header(5, 5, 3, 3, "uint8")}
    assert len(opened) == 2
    assert look(root) == first
    assert len(opened) == 2


def test_what_has_changed_is_read_again(root: Path, opened: list[str]) -> None:
    look(root)
    save_image(root / "A" / "1.png", np.zeros((9, 9), np.uint8))
    save_image(root / "A" / "3.png", np.zeros((9, 9), np.uint8))
    opened.clear()
    assert look(root, [*NAMES, "A/3.png"]).headers["A/1.png"] == Header(9, 9, 1, 1, "uint8")
    assert sorted(opened) == ["1.png", "3.png"]


def test_what_cannot_be_read_is_tried_again(root: Path, opened: list[str]) -> None:
    (root / "A" / "text.jpg").write_text("not an image")
    for _ in range(2):
        found = look(root, [*NAMES, "A/text.jpg", "A/gone.png"])
        assert sorted(found.headers) == NAMES
        assert sorted(found.unreadable) == ["A/gone.png", "A/text.jpg"]
        assert found.unreadable["A/text.jpg"] == "not an image that can be read"
    assert len(opened) == 6


@pytest.mark.parametrize("content", ["{", "[]", '{"layout": 2, "images": {"A/1.png": 3}}', "\0"])
def test_a_damaged_file_of_headers_is_made_anew(
    root: Path, content: str, opened: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    first = look(root)
    (kept,) = (root.parent / "cache").iterdir()
    kept.write_text(content)
    assert look(root) == first
    assert len(opened) == 4
    assert "damaged" in caplog.text
    assert look(root) == first
    assert len(opened) == 4


def test_headers_of_another_version_are_read_anew(root: Path, opened: list[str]) -> None:
    look(root)
    (kept,) = (root.parent / "cache").iterdir()
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"layout": 0}))
    look(root)
    assert len(opened) == 4


def test_a_cache_that_cannot_be_written_to(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root.parent / "cache").write_text("a file")
    assert len(look(root).headers) == 2
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_kind_of_values_that_is_not_known_stops_the_search(root: Path) -> None:
    save_image(root / "A" / "3.npy", np.zeros((4, 4), np.int64))
    with pytest.raises(UserError, match=r"3.npy holds int64 values"):
        look(root, [*NAMES, "A/3.npy"])


def test_many_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(index, "_CHUNK", 4)
    monkeypatch.setattr(index, "_MANY", 10)
    names = [f"{number}.png" for number in range(30)]
    for number, name in enumerate(names):
        if number % 7:
            save_image(tmp_path / "root" / name, np.zeros((number, 3), np.uint8))
        else:
            (tmp_path / "root").mkdir(exist_ok=True)
            (tmp_path / "root" / name).write_text("no image")
    found = look(tmp_path / "root", names)
    assert all(found.headers[f"{number}.png"].height == number for number in range(30) if number % 7)
    assert sorted(found.unreadable) == sorted(f"{number}.png" for number in range(0, 30, 7))
    assert "reading what 30 image files" in capsys.readouterr().err
