"""The results' HTML: what is in it, and that names of files stay text."""

from pathlib import Path

from pix2pix_jax.errors import UserError
from pix2pix_jax.page import showing
from pix2pix_jax.page.making import Made
from pix2pix_jax.page.visits import Entry, Visit


def visit_with(*entries: Entry) -> Visit:
    visit = Visit(Path("unused"), strength=1.0)
    visit.entries = list(entries)
    return visit


def made(name: str, *notes: str) -> Made:
    folder = Path("/tmp/some where")
    return Made(folder / name, (300, 200), folder / "before.jpg", folder / "after.jpg", notes)


def test_names_and_notes_are_text():
    name = "<script>alert(1)\"'&.png"
    wrong = Entry(Path("b.png"), 1.0, UserError("<b> cannot be read"))
    text = showing.results(visit_with(Entry(Path(name), 1.0, made(name, "<i>")), wrong), "grey", "in colour")
    assert "<script" not in text
    assert "<i>" not in text
    assert "<b>" not in text
    assert 'download="&lt;script&gt;alert(1)&quot;&#x27;&amp;.png"' in text
    assert "gradio_api/file=/tmp/some%20where/%3Cscript%3E" in text


def test_newest_first_and_what_is_not_yet_made_is_not_shown():
    entries = (Entry(Path("a.png"), 1.0, made("a.png")), Entry(Path("b.png"), 1.0, made("b.png")), Entry(Path("c.png")))
    text = showing.results(visit_with(*entries), "grey", "in colour")
    assert text.index("b.png") < text.index("a.png")
    assert "c.png" not in text


def test_status():
    wrong = Entry(Path("b.png"), 1.0, UserError("b.png cannot be read"))
    right = Entry(Path("a.png"), 1.0, made("a.png"))
    outdated = Entry(Path("a.png"), 2.0, made("a.png"))

    def status(*entries: Entry) -> str:
        return showing.status(visit_with(*entries), "coloured").removeprefix("<p>").removesuffix("</p>")

    assert status() == ""
    assert status(right) == "1 coloured"
    assert status(right, wrong) == "1 coloured, 1 not"
    assert status(right, outdated, Entry(Path("c.png"))) == "1 of 3 coloured …"
