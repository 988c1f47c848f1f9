"""Visitors' files: whose they are, what is made of them, and that they go."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2pix_jax.page.making import Made
from pix2pix_jax.page.visits import Visit, Visits


def make(file: Path, folder: Path, strength: float) -> Made:
    """Writes the strength and what the file holds."""
    target = folder / file.name
    target.write_text(f"{strength:g} {file.read_text()}")
    return Made(target, (1, 1), target, target, ())


@pytest.fixture
def upload(tmp_path: Path) -> Callable[..., Path]:
    def upload(name: str, text: str = "a") -> Path:
        path = tmp_path / "uploads" / text / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        return path

    return upload


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    (tmp_path / "made").mkdir()
    return Visits(tmp_path / "made", strength=1.0)


def contents(visit: Visit) -> list[str]:
    return [entry.made.target.read_text() for entry in visit.entries if entry.made is not None]


def test_results_of_many_strengths_do_not_pile_up(visits, upload):
    visit = visits.of("a")
    visit.add(upload("x.png"))
    for strength in range(1, 10):
        visit.strength = float(strength)
        list(visit.work(make))
        visit.tidy()
    texts = sorted(path.read_text() for path in visits.folder.rglob("x.png"))
    assert texts == ["8 a", "9 a", "a"]


def test_nothing_stays_of_who_leaves_and_everything_of_the_others(visits, upload, tmp_path):
    given = upload("x.png")
    for session in ("a", "b"):
        visits.of(session).add(given)
        list(visits.of(session).work(make))
    other = visits.of("b")
    visits.leave("a")
    assert contents(other) == ["1 a"]
    assert other.entries[0].file.read_text() == "a"
    assert len(list(visits.folder.rglob("x.png"))) == 2
    visits.leave("b")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_the_browser_gives_twice_is_taken_once(visits, upload):
    visit, file = visits.of("one"), upload("x.png")
    visit.add(file)
    visit.add(file)
    assert len(visit.entries) == 1
    visit.clear()
    visit.add(upload("x.png"))
    assert len(visit.entries) == 1


def test_another_visitor_s_upload_of_the_same_stays(visits, upload):
    visits.of("a").add(upload("x.png"))
    again = upload("x.png")  # the server puts the new file in the old one's place
    visits.leave("a")
    assert again.read_text() == "a"


@pytest.mark.parametrize("when", ["before", "after"])
def test_leaving_while_an_image_is_made(visits, upload, when):
    def make_and_leave(file: Path, folder: Path, strength: float) -> Made:
        made = make(file, folder, strength) if when == "after" else None
        visits.leave("a")
        return made or make(file, folder, strength)

    visit = visits.of("a")
    visit.add(upload("x.png"))
    list(visit.work(make_and_leave))
    assert [path for path in visits.folder.rglob("*") if path.is_file()] == []


def test_who_does_nothing_for_long_has_left(visits, upload):
    visits.of("a").add(upload("x.png"))
    visits.sweep(hours=1.0)
    assert len(visits.of("a").entries) == 1
    visits.sweep(hours=0.0)
    assert visits.of("a").entries == []
