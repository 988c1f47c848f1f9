"""What a visitor has been made, as HTML."""

import html
from pathlib import Path
from urllib.parse import quote

from pix2pix_jax.errors import UserError
from pix2pix_jax.page.making import Made
from pix2pix_jax.page.visits import Visit


def results(visit: Visit, before: str, after: str) -> str:
    """Every file of a visit that has been worked on, the newest first.

    Args:
        visit: the visit.
        before: what a picture of a given file is called, such as "grey".
        after: what a picture of a made image is called, such as "in colour".
    """
    parts = []
    if visit.everything is not None:
        parts.append(f"<p>{_download(visit.everything, visit.everything.name, 'Download all (zip)')}</p>")
    for name, entry in reversed(visit.named()):
        if isinstance(entry.result, Made):
            parts.append(_image(name, entry.file.name, entry.result, before, after))
        elif isinstance(entry.result, UserError):
            parts.append(f'<p class="wrong" role="alert">{html.escape(str(entry.result))}</p>')
    return "\n".join(parts)


def status(visit: Visit, done: str) -> str:
    """How far the work is, in a line.

    Args:
        visit: the visit.
        done: what is done to an image, such as "coloured".
    """
    finished = [entry for entry in visit.entries if entry.strength == visit.strength]
    failed = sum(entry.made is None for entry in finished)
    if not visit.entries:
        text = ""
    elif len(finished) < len(visit.entries):
        text = f"{len(finished)} of {len(visit.entries)} {done} …"
    else:
        text = f"{len(visit.entries) - failed} {done}" + (f", {failed} not" if failed else "")
    return f"<p>{text}</p>"


def _image(name: str, given: str, made: Made, before: str, after: str) -> str:
    width, height = made.size
    escaped = html.escape(given)
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in made.notes)
    # The slider is the browser's own, for the mouse, fingers, keys and screen readers; it lies over the two pictures.
    return f"""<section aria-label="{escaped}">
<div class="compare" style="--at: 50%; --ratio: {width / height:.4f}">
<img src="{_url(made.after)}" alt="{escaped}, {after}">
<img src="{_url(made.before)}" alt="{escaped}, {before}" class="before" onload="pix2pixRestore(this)">
<span class="edge" aria-hidden="true"></span>
<input type="range" min="0" max="100" value="50" aria-label="{escaped}: how much is shown {before}, from the left"
 aria-valuetext="50 %" oninput="pix2pixSlide(this)">
</div>
<p>{_download(made.target, name, f"Download {name}")} <span>{width} × {height}</span></p>
{notes}</section>"""


def _download(file: Path, name: str, text: str) -> str:
    return f'<a class="download" href="{_url(file)}" download="{html.escape(name)}">{html.escape(text)}</a>'


def _url(file: Path) -> str:
    """Where the browser finds a file of a visit."""
    return f"gradio_api/file={quote(file.as_posix())}"
