"""A page of made images beside what was given and the truth, which a reader can sort by any figure."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.evaluation import Table
from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.figures.page import html_page
from pix2pix_jax.files import write_text

_SIDES = (256, 192, 128, 96, 64, 48, 32)  # longer sides of the pictures, px; the first that fits is taken
_SMALL = 64  # px; pictures up to here are enlarged without smoothing
_BUDGET = 17e6  # bytes of all pictures; in base64 they take a third more
_SAMPLES = 24  # images of a kind from which the size of all is estimated
_FEW_COLORS = 256  # pictures of no more colours, such as label maps, are kept exactly

_STYLE = """\
.sort { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: .4rem;
  padding: .5rem 0; background: var(--paper); border-bottom: 1px solid var(--line); }
.sort[hidden] { display: none; }
.sort button { font: inherit; min-height: 2.4rem; padding: .2rem .8rem; color: inherit; background: none;
  border: 1px solid var(--rule); border-radius: .4rem; cursor: pointer; }
.sort button[aria-pressed=true] { background: var(--mark); font-weight: 600; }
.sort [role=status] { margin: 0 0 0 auto; }
ol { list-style: none; padding: 0; counter-reset: rank; display: grid; gap: 1.4rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 32rem), 1fr)); }
li { counter-increment: rank; content-visibility: auto; contain-intrinsic-size: auto 17rem; min-width: 0; }
li h3 { font-size: .95rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
li h3::before { content: counter(rank) ". "; color: var(--faint); font-weight: 400; }
li p { margin: .1rem 0 0; font-variant-numeric: tabular-nums; }
.versions { display: flex; gap: .25rem; }
figure { flex: 1 1 0; min-width: 0; margin: 0; }
figure img { display: block; width: 100%; } .small img { image-rendering: pixelated; }
figcaption { color: var(--faint); font-size: .85rem; text-align: center; }
"""

_SCRIPT = """\
const list = document.querySelector("ol"), items = [...list.children];
const bar = document.querySelector(".sort"), buttons = [...bar.querySelectorAll("button")];
const keys = new Map(items.map(item => [item, item.dataset.keys.split(" ").map(Number)]));
let falling = false;
function sort(button) {
  const place = buttons.indexOf(button), again = button.getAttribute("aria-pressed") === "true";
  falling = again ? !falling : button.dataset.first === "falling";
  for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
  items.sort((a, b) => (keys.get(a)[place] - keys.get(b)[place]) * (falling ? -1 : 1));
  list.append(...items);
  const order = place ? (falling ? "highest first" : "lowest first") : (falling ? "Z to A" : "A to Z");
  bar.querySelector("[role=status]").textContent = order;
}
for (const button of buttons) button.addEventListener("click", () => sort(button));
bar.hidden = false;
sort(buttons[1]);
"""


class Figure(NamedTuple):
    """A figure of merit that images are sorted by.

    Attributes:
        heading: its name.
        values: one per image [N], finite.
        digits: how many are shown after the point.
        lower_is_better: whether the lowest value is the best.
    """

    heading: str
    values: NDArray[np.float64]
    digits: int
    lower_is_better: bool


@dataclass(frozen=True)
class Gallery:
    """Images that were judged, for a page.

    Attributes:
        names: of the images.
        versions: heading (such as "input") of each version of the images, and the images [N, H, W, channels], which
            are shown as `displayed` says.
        figures: what they can be sorted by; at least one.
    """

    names: Sequence[str]
    versions: Mapping[str, NDArray]
    figures: Sequence[Figure]


def write_evaluation(
    folder: Path, report: Mapping[str, object], setting: str, table: Table, notes: Sequence[str], gallery: Gallery
) -> None:
    """Writes what came of judging a generator: evaluation.json, evaluation.md and index.html.

    Args:
        folder: where to.
        report: all figures, for the JSON file.
        setting: what was judged, in a sentence without its full stop.
        table: figures of all images.
        notes: what a reader of the table has to know, a paragraph each.
        gallery: the images.
    """
    write_text(folder / "evaluation.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    paragraphs = ["# Evaluation", f"{setting}.", table.markdown(), *notes]
    write_text(folder / "evaluation.md", "\n\n".join(paragraphs) + "\n")
    write_gallery(folder / "index.html", "Evaluation", setting, table, notes, gallery)


def write_gallery(path: Path, title: str, setting: str, table: Table, notes: Sequence[str], gallery: Gallery) -> None:
    """Writes a page of all images, the best first by the first figure; buttons sort them by name and other figures.

    The file holds everything, so that it can be sent on. Pictures are made smaller where all of them would take more
    than about 23 MB.

    Args:
        path: the HTML file; an earlier one is replaced in one go.
        title: what is shown.
        setting: how it came about, in a sentence without its full stop.
        table: figures of all images, above them.
        notes: what a reader of the table has to know, a paragraph each.
        gallery: the images.
    """
    names, figures = gallery.names, gallery.figures
    side = _choose_side(list(gallery.versions.values()))
    ranks = np.argsort(np.argsort(np.array(names), kind="stable"), kind="stable").tolist()
    order = np.argsort(figures[0].values if figures[0].lower_is_better else -figures[0].values, kind="stable")
    shape = next(iter(gallery.versions.values())).shape[1:3]
    buttons = [_button("file", "rising")]
    buttons += [_button(each.heading, "rising" if each.lower_is_better else "falling") for each in figures]
    body = [
        f"<p>{html.escape(setting)}.</p>",
        f'<div class="wide" tabindex="0" role="group" aria-label="Figures">{table.html()}</div>',
        *(f'<p class="note">{html.escape(note)}</p>' for note in notes),
        f"<h2>{len(names):,} images</h2>",
        f'<div class="sort" role="group" aria-label="Sort the images" hidden>Sort by {"".join(buttons)}'
        '<p role="status"></p></div>',
        '<ol class="small">' if max(shape) <= _SMALL else "<ol>",
        *(_item(gallery, place, ranks[place], side) for place in order),
        "</ol>",
        f"<script>\n{_SCRIPT}</script>",
    ]
    write_text(path, html_page(title, "\n".join(body), _STYLE))


def _button(heading: str, first: str) -> str:
    return f'<button type="button" data-first="{first}" aria-pressed="false">{html.escape(heading)}</button>'


def _item(gallery: Gallery, place: int, rank: int, side: int) -> str:
    """One image: its name, its versions, its figures."""
    name, figures = gallery.names[place], gallery.figures
    keys = " ".join([str(rank), *(f"{figure.values[place]:.7g}" for figure in figures)])
    shown = " · ".join(
        f"{figure.heading}\N{NO-BREAK SPACE}{figure.values[place]:.{figure.digits}f}" for figure in figures
    )
    pictures = "".join(
        f"<figure>{_picture(images[place], f'{heading} of {name}', side)}"
        f"<figcaption>{html.escape(heading)}</figcaption></figure>"
        for heading, images in gallery.versions.items()
    )
    return (
        f'<li data-keys="{keys}"><h3>{html.escape(name)}</h3><div class="versions">{pictures}</div>'
        f"<p>{html.escape(shown)}</p></li>"
    )


def _picture(image: NDArray, text: str, side: int) -> str:
    kind, data, (width, height) = _encode(image, side)
    encoded = base64.b64encode(data).decode()
    return (
        f'<img alt="{html.escape(text)}" width="{width}" height="{height}" decoding="async"'
        f' src="data:image/{kind};base64,{encoded}">'
    )


def _encode(image: NDArray, side: int) -> tuple[str, bytes, tuple[int, int]]:
    """A picture of an image whose longer side is at most `side`: its type, its file, and its width and height."""
    picture = Image.fromarray(displayed(image))
    flat = picture.getcolors(_FEW_COLORS) is not None
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.NEAREST if flat else Image.Resampling.LANCZOS)
    file = io.BytesIO()
    if flat:
        picture.save(file, "PNG", optimize=True)
    else:
        picture.save(file, "WEBP", quality=85, method=2)
    return "png" if flat else "webp", file.getvalue(), picture.size


def _choose_side(versions: Sequence[NDArray]) -> int:
    """The largest side in `_SIDES` with which all pictures stay within the budget, by a sample of them."""
    count = len(versions[0])
    sample = np.linspace(0, count - 1, min(count, _SAMPLES)).astype(int)
    for side in _SIDES:
        sizes = [len(_encode(images[place], side)[1]) for images in versions for place in sample]
        if sum(sizes) * count / len(sample) <= _BUDGET:
            return side
    return _SIDES[-1]
