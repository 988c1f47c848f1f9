"""The page's parts, and what happens when they are used."""

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.image_editor import AcceptBlobs
from gradio.events import Dependency
from gradio.themes import Base, Default, Font
from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.page import showing
from pix2pix_jax.page.guard import Limits, Turns, link_upload
from pix2pix_jax.page.making import Made, Maker
from pix2pix_jax.page.visits import Visits

_LIGHTEST, _BOLDEST = 0.1, 3.0
_AT_ONCE = 4  # visitors who take turns; the others wait
_DRAWINGS = 100  # that are kept while they are sent, of all visitors
_SECONDS_A_RESULT = 0.1  # between two looks at what has been made so far


@dataclass(frozen=True)
class Words:
    """How the page speaks of what it does.

    Attributes:
        title: of the page.
        text: what it does, in a sentence or two.
        given: what is dropped on it, such as "Photographs".
        before: what a picture of a given file is called.
        after: what a picture of a made image is called.
        done: what is done to an image.
    """

    title: str
    text: str
    given: str
    before: str
    after: str
    done: str


COLORING = Words(
    "Colour grey photographs",
    "Every photograph keeps its size, its details and its file format. What you give stays on the computer that this"
    " page comes from, and is deleted there when you leave the page.",
    "Photographs: drop, paste or choose them",
    "grey",
    "in colour",
    "coloured",
)
TRANSLATING = Words(
    "Translate images",
    "Give what the generator was trained on: edges or label maps, say. What you give stays on the computer that this"
    " page comes from, and is deleted there when you leave the page.",
    "Images: drop, paste or choose them",
    "as given",
    "translated",
    "translated",
)


class Handlers:
    """What happens when the page is used; Gradio's `request` says by whom."""

    def __init__(self, maker: Maker, visits: Visits, folder: Path, words: Words, limits: Limits) -> None:
        """Takes the generator, the visitors, the page's folder, how to speak of all that, and what one may give."""
        self._maker, self._visits, self._words, self._turns = maker, visits, words, Turns(limits)
        self._link = partial(link_upload, uploads=folder / "uploads", most_bytes=limits.request_bytes)
        self._programs = folder / "programs"

    def add(self, files: list[str] | None, request: gr.Request) -> None:
        """Takes uploaded files; the part of the page that they came by is then empty again."""
        for file in files or []:
            self._visits.of(_session(request)).add(Path(file), link=self._link)

    def add_drawing(self, drawing: dict, request: gr.Request) -> None:
        """Takes what was drawn, as a file."""
        drawn: Image.Image = drawing["composite"]
        paper = Image.new("RGBA", drawn.size, "white")
        paper.alpha_composite(drawn.convert("RGBA"))
        visit = self._visits.of(_session(request))
        file = visit.new_folder() / "drawing.png"
        paper.convert("RGB").save(file)
        visit.add(file, keep=True)

    def set_strength(self, strength: float, request: gr.Request) -> None:
        """Wants the colours as strong as that."""
        self._visits.of(_session(request)).strength = _checked(strength)

    def clear(self, request: gr.Request) -> tuple[str, str]:
        """Forgets everything that the visitor gave."""
        visit = self._visits.of(_session(request))
        visit.clear()
        return self._shown(request)

    def work(self, request: gr.Request) -> Iterator[tuple[str, Any]]:
        """Makes what is to be made; gives status and results."""
        visit = self._visits.of(_session(request))
        yield self._shown(request)
        shown = 0.0
        for _ in visit.work(partial(self._make, request)):
            # A browser draws all results anew, which takes it the longer the more there are.
            if time.monotonic() - shown > _SECONDS_A_RESULT * len(visit.entries):
                yield self._shown(request)
                shown = time.monotonic()
            else:
                yield showing.status(visit, self._words.done), gr.skip()
        yield self._shown(request)

    def make_one(self, file: str, strength: float, request: gr.Request) -> str:
        """Makes an image of one file, for programs, of which Gradio gives a copy away."""
        folder = Path(tempfile.mkdtemp(dir=self._programs))
        with tempfile.TemporaryDirectory(dir=self._programs) as place:
            given = Path(place) / Path(file).name
            try:
                self._link(file, given)
                return str(self._make(request, given, folder, _checked(strength)).target)
            except UserError as error:
                raise gr.Error(str(error).replace(str(given), given.name), print_exception=False) from error

    def _make(self, request: gr.Request, file: Path, folder: Path, strength: float) -> Made:
        with self._turns.take(request.client.host if request.client else ""):
            return self._maker.make(file, folder, strength)

    def leave(self, request: gr.Request) -> None:
        """Forgets a visitor."""
        self._visits.leave(_session(request))

    def _shown(self, request: gr.Request) -> tuple[str, str]:
        visit, words = self._visits.of(_session(request)), self._words
        visit.tidy()
        return showing.status(visit, words.done), showing.results(visit, words.before, words.after)


def build_page(maker: Maker, visits: Visits, folder: Path, examples: list[Path], limits: Limits) -> gr.Blocks:
    """Lays the page out.

    Args:
        maker: what it does.
        visits: its visitors.
        folder: the page's, with `uploads`, and `programs` for what programs ask for, who do not visit it.
        examples: photographs to try it with.
        limits: what visitors may give.
    """
    words = TRANSLATING if maker.translates else COLORING
    do = Handlers(maker, visits, folder, words, limits)
    with gr.Blocks(title=words.title, analytics_enabled=False) as page:
        gr.Markdown(f"# {words.title}\n{words.text}")
        given = gr.File(label=words.given, file_count="multiple", elem_id="given", height=170)
        # By default Gradio would forget what is given while something else is on its way.
        added = [given.upload(do.add, given, queue=False, trigger_mode="multiple", api_visibility="private")]
        if maker.translates:
            added.append(_canvas(maker.side, do))
        else:
            added += _examples(examples, visits)
            strength = gr.Slider(
                _LIGHTEST,
                _BOLDEST,
                maker.strength,
                step=0.1,
                label="Strength of the colours",
                info="1 is as the generator makes them; more is bolder",
                elem_id="strength",
            )
            # Of changes while one is on its way, the last counts.
            added.append(
                strength.input(
                    do.set_strength, strength, queue=False, trigger_mode="always_last", api_visibility="private"
                )
            )
        status = gr.HTML(elem_id="status", min_height=40)
        results = gr.HTML(elem_id="results")
        for event in added:
            event.then(
                do.work,
                None,
                [status, results],
                concurrency_id="work",
                concurrency_limit=_AT_ONCE,
                show_progress_on=status,
                trigger_mode="always_last",  # what is added while the work ends must not wait for the next event
                api_visibility="private",
            )
        added[0].then(lambda: None, None, given, queue=False, api_visibility="private")
        clear = gr.Button("Remove all", variant="secondary")
        clear.click(do.clear, None, [status, results], queue=False, api_visibility="private")
        _add_endpoint(maker, do)
        page.unload(do.leave)
    return page


def make_theme() -> Base:
    """Colours of enough contrast, and the fonts that the visitor's machine has."""
    return Default(
        primary_hue="blue",
        font=[Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("monospace")],
    ).set(
        body_text_color_subdued="#52525b",
        body_text_color_subdued_dark="#b4b4bd",
        block_info_text_color="#52525b",
        block_info_text_color_dark="#b4b4bd",
        block_label_text_color="#3f3f46",
        block_title_text_color="#3f3f46",
        button_secondary_border_color="#71717a",
        button_secondary_border_color_dark="#a1a1aa",
        input_border_color="#71717a",
        border_color_primary="#a1a1aa",
    )


def _examples(examples: list[Path], visits: Visits) -> list[Dependency]:
    """Buttons that give a photograph."""
    events = []
    if examples:
        with gr.Row():
            for example in examples:
                button = gr.Button(f"Try: {example.stem}", icon=example, min_width=90, elem_classes="example")

                def add(request: gr.Request, example: Path = example) -> None:
                    visits.of(_session(request)).add(example, keep=True)

                events.append(button.click(add, None, None, queue=False, api_visibility="private"))
    return events


def _canvas(side: int, do: Handlers) -> Dependency:
    """A place to draw what is to be translated."""
    white = Image.new("RGB", (side, side), "white")
    canvas = gr.ImageEditor(
        white,
        type="pil",
        format="png",
        label=f"Or draw, {side} × {side}",
        sources=(),
        transforms=(),
        layers=False,
        canvas_size=(side, side),
        fixed_canvas=True,
        brush=gr.Brush(default_size=2, colors=["#000000", "#ffffff"], default_color="#000000"),
        elem_id="canvas",
    )
    _limit(canvas)
    return gr.Button("Translate the drawing", variant="primary").click(
        do.add_drawing, canvas, None, queue=False, api_visibility="private"
    )


def _limit(canvas: gr.ImageEditor) -> None:
    """Has the canvas keep what browsers send it while they draw within bounds: it would fill the memory."""
    accept = canvas.accept_blobs

    def accept_blobs(data: AcceptBlobs) -> object:
        if not re.fullmatch(r"(null|0)?", str(data.data["index"] or "")):
            raise gr.Error("the canvas has one layer", print_exception=False)
        accepted = accept(data)
        while len(canvas.blob_storage) > _DRAWINGS:
            canvas.blob_storage.pop(next(iter(canvas.blob_storage)), None)
        return accepted

    accept_blobs._is_server_fn = True  # type: ignore[attr-defined]  # what Gradio looks for
    canvas.accept_blobs = accept_blobs  # type: ignore[method-assign]


def _add_endpoint(maker: Maker, do: Handlers) -> None:
    """What programs call: a file, the strength of the colours, the file that was made."""
    file, made = gr.File(visible=False), gr.File(visible=False)
    strength = gr.Number(maker.strength, minimum=_LIGHTEST, maximum=_BOLDEST, visible=False)
    gr.Button(visible=False).click(
        do.make_one,
        [file, strength],
        made,
        api_name="make",
        concurrency_id="work",
        concurrency_limit=_AT_ONCE,
        show_progress="hidden",
    )


def _checked(strength: float) -> float:
    """A strength within the bounds; Gradio lets NaN pass, which is never the strength that is wanted."""
    if not _LIGHTEST <= strength <= _BOLDEST:
        raise gr.Error("the strength is out of its bounds", print_exception=False)
    return strength


def _session(request: gr.Request) -> str:
    return str(request.session_hash)
