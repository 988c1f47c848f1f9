"""A page of generated images beside their inputs and the truth, which a reader can sort by any measure."""

import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.evaluation import MEASURES, Merits, Table
from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.figures.page import html_page, html_picture, markdown_page
from pix2pix_jax.files import write_text

_SIDE = 256  # the longer side of the pictures, px, and less where there are many
_SMALL = 64  # px; pictures up to here are enlarged without smoothing
_BUDGET = 17e6 / 0.35  # pixels of all pictures, of about 0.35 bytes each; in base64 they take a third more
_FEW_COLORS = 256  # pictures of no more colours, such as label maps, are kept exactly

_STYLE = Path(__file__).with_name("gallery.css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_name("gallery.js").read_text(encoding="utf-8")


class Gallery(NamedTuple):
    """Images that were evaluated, for a page.

    Attributes:
        names: of the images.
        versions: heading (such as "input") of each version of the images, and the images [N, H, W, channels], which
            are shown as `displayed` says.
        merits: what they can be sorted by, by the names of the measures; at first by the first one.
    """

    names: Sequence[str]
    versions: Mapping[str, NDArray]
    merits: Merits


def write_evaluation(
    folder: Path, report: Mapping[str, object], setting: str, table: Table, notes: Sequence[str], gallery: Gallery
) -> None:
    """Writes how a generator was evaluated: evaluation.json, evaluation.md and index.html, a page of all images.

    On the page, the best come first by the first measure, and buttons sort them by name and other measures. It holds
    everything, so that it can be sent on: pictures are made smaller where all of them would take more than about 23 MB.

    Args:
        folder: where to; earlier files are replaced in one go.
        report: what the JSON file holds.
        setting: what was evaluated, in a sentence without its full stop.
        table: measures of all images.
        notes: what a reader of the table has to know, a paragraph each.
        gallery: the images.
    """
    write_text(folder / "evaluation.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    parts = [f"{setting}.", table, *notes]
    write_text(folder / "evaluation.md", markdown_page("Evaluation", parts))
    write_text(folder / "index.html", html_page("Evaluation", parts, _sortable(gallery), _STYLE))


def _sortable(gallery: Gallery) -> str:
    """The images, and the buttons that sort them."""
    side = min(_SIDE, math.ceil(math.sqrt(_BUDGET / len(gallery.names) / len(gallery.versions))))
    ranks = np.argsort(np.argsort(np.array(gallery.names), kind="stable"), kind="stable").tolist()
    falling = {name: MEASURES[name].better != "↓" for name in gallery.merits}
    first, values = next(iter(gallery.merits.items()))
    order = np.argsort(-values if falling[first] else values, kind="stable")
    shape = next(iter(gallery.versions.values())).shape[1:3]
    directions = {"file": "rising"}
    directions |= {MEASURES[name].heading: "falling" if falls else "rising" for name, falls in falling.items()}
    buttons = [
        f'<button type="button" data-first="{direction}" aria-pressed="false">{html.escape(heading)}</button>'
        for heading, direction in directions.items()
    ]
    body = [
        f"<h2>{len(gallery.names):,} images</h2>",
        f'<div class="sort" role="group" aria-label="Sort the images" hidden>Sort by {"".join(buttons)}'
        '<p role="status"></p></div>',
        '<ol class="small">' if max(shape) <= _SMALL else "<ol>",
        *(_item(gallery, place, ranks[place], side) for place in order),
        "</ol>",
        f"<script>\n{_SCRIPT}</script>",
    ]
    return "\n".join(body)


def _item(gallery: Gallery, place: int, rank: int, side: int) -> str:
    """One image: its name, its versions, its measures."""
    name = gallery.names[place]
    merits = [(MEASURES[measure], values[place]) for measure, values in gallery.merits.items()]
    keys = " ".join([str(rank), *(f"{value:.7g}" for _, value in merits)])
    shown = " · ".join(f"{measure.heading}\N{NO-BREAK SPACE}{value:.{measure.digits}f}" for measure, value in merits)
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
    """A picture of an image, whose longer side is at most `side`, as HTML."""
    picture = Image.fromarray(displayed(image))
    flat = picture.getcolors(_FEW_COLORS) is not None
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.NEAREST if flat else Image.Resampling.LANCZOS)
    file, kind = io.BytesIO(), "png" if flat else "webp"
    picture.save(file, kind, **({"optimize": True} if flat else {"quality": 85, "method": 2}))
    width, height = picture.size
    return html_picture(kind, file.getvalue(), text, f' width="{width}" height="{height}" decoding="async"')
