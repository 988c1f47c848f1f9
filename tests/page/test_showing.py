"""The results' HTML: what is in it, and that names of files stay text."""

from pathlib import Path

from pix2pix_jax.errors import UserError
from pix2pix_jax.page import showing
from pix2pix_jax.page.making import Made
from pix2pix_jax.page.visits import Entry, Visit


def test_names_and_notes_are_text():
    name = "<script>alert(1)\"'&.png"
    wrong = Entry(Path("b.png"), 1.0, UserError("<b> cannot be read"))
    folder = Path("/tmp/some where")
    made = Made(folder / name, (300, 200), folder / "before.jpg", folder / "after.jpg", ("<i>",))
    visit = Visit(Path("unused"), strength=1.0)
    visit.entries = [Entry(Path(name), 1.0, made), wrong]
    text = showing.results(visit, "grey", "in colour")
    assert "<script" not in text
    assert "<i>" not in text
    assert "<b>" not in text
    assert 'download="&lt;script&gt;alert(1)&quot;&#x27;&amp;.png"' in text
    assert "gradio_api/file=/tmp/some%20where/%3Cscript%3E" in text
