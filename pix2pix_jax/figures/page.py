"""Reports as Markdown and as HTML: one file that needs nothing else, on light and dark screens of any width."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from pix2pix_jax.evaluation import Table


class Picture(NamedTuple):
    """A PNG file, and the text for those who do not see it."""

    path: Path
    text: str


Part = str | Table | Picture
"""Of a report; a text is a paragraph, or after "## " a heading."""

_PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def markdown_page(title: str, parts: Sequence[Part]) -> str:
    """A report as Markdown; the pictures must lie beside it."""

    def written(part: Part) -> str:
        if isinstance(part, Picture):
            return f"![{part.text}]({part.path.name})"
        return part.markdown() if isinstance(part, Table) else part

    return "\n\n".join([f"# {title}", *map(written, parts)]) + "\n"


def html_page(title: str, parts: Sequence[Part], further: str = "", style: str = "") -> str:
    """A report as a page of HTML.

    Args:
        title: plain text.
        parts: plain text, tables and pictures, which become a part of the page. Paragraphs after the first are notes.
        further: what follows them, as HTML. Pictures must be data URIs: the page may load nothing.
        style: further CSS.
    """

    def written(place: int, part: Part) -> str:
        if isinstance(part, Picture):
            return html_picture("png", part.path.read_bytes(), part.text)
        if isinstance(part, Table):
            return f'<div class="wide" tabindex="0" role="group" aria-label="Figures">{part.html()}</div>'
        if part.startswith("## "):
            return f"<h2>{html.escape(part[3:])}</h2>"
        return f"{'<p class=note>' if place else '<p>'}{html.escape(part)}</p>"

    escaped = html.escape(title)
    body = [f"<h1>{escaped}</h1>", *(written(place, part) for place, part in enumerate(parts)), further]
    return _PAGE.substitute(title=escaped, style=style, body="\n".join(body))


def html_picture(kind: str, data: bytes, text: str, further: str = "") -> str:
    """A picture as HTML, with its file in it: `kind` is its format, and `further` are attributes."""
    encoded = base64.b64encode(data).decode()
    return f'<img alt="{html.escape(text)}"{further} src="data:image/{kind};base64,{encoded}">'
