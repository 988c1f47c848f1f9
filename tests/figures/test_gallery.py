"""The page of generated images: what it holds, in which order, how large."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image

from pix2pix_jax.evaluation import Table
from pix2pix_jax.figures import Gallery, gallery, write_evaluation
from pix2pix_jax.figures.drawing import displayed

TABLE = Table(["", "L1"], [["translated", "<0.1>"]])
NAMES = ["b/<i>.png", 'a "q" & $x.png', "c.png"]


class _Reader(HTMLParser):
    """Collects the tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def having(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make_gallery(side: int = 16, count: int = 3) -> Gallery:
    truth = smooth_images(count, side)
    merits = {"psnr": np.array([20.0, 30.0, 25.0])[:count], "l1": np.array([0.3, 0.1, 0.2])[:count]}
    return Gallery(NAMES[:count], {"input": truth[..., :1], "output": 255 - truth, "truth": truth}, merits)


def write(folder, shown: Gallery) -> tuple[_Reader, str]:
    write_evaluation(folder, {"pairs": 3}, "3 <pairs>", TABLE, ["A note."], shown)
    text = (folder / "index.html").read_text()
    reader = _Reader()
    reader.feed(text)
    return reader, text


def picture(image: dict[str, str]) -> np.ndarray:
    form, data = image["src"].removeprefix("data:image/").split(";base64,")
    opened = Image.open(io.BytesIO(base64.b64decode(data)))
    assert ((opened.format or "").lower(), opened.size) == (form, (int(image["width"]), int(image["height"])))
    return np.asarray(opened.convert("RGB"))


def test_all_images_are_there_the_best_first_with_alternative_texts(tmp_path):
    reader, text = write(tmp_path, make_gallery())
    assert [item["data-keys"] for item in reader.having("li")] == ["0 30 0.1", "2 25 0.2", "1 20 0.3"]
    texts = [f'{version} of a "q" & $x.png' for version in ("input", "output", "truth")]
    assert [image["alt"] for image in reader.having("img")[:4]] == [*texts, "input of c.png"]
    assert "<i>" not in text
    assert "&lt;0.1&gt;" in text
    assert "3 &lt;pairs&gt;." in text
    truth = picture(reader.having("img")[2]).astype(int)
    assert np.abs(truth - make_gallery().versions["truth"][1]).mean() < 12


def test_json_and_markdown_lie_beside_a_page_that_needs_nothing_else(tmp_path):
    reader, text = write(tmp_path, make_gallery())
    links = [attributes.get(name, "data:") for _, attributes in reader.tags for name in ("href", "src")]
    assert all(link.startswith("data:") for link in links)
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert (tmp_path / "evaluation.json").read_text() == '{\n "pairs": 3\n}\n'
    assert (tmp_path / "evaluation.md").read_text().startswith("# Evaluation\n\n3 <pairs>.\n\n|  | L1 |\n")
    assert len(list(tmp_path.iterdir())) == 3


def test_label_maps_are_kept_exactly(tmp_path):
    labels = np.random.default_rng(0).integers(0, 9, (1, 20, 30, 3), np.uint8) // 4 * 100
    reader, _ = write(tmp_path, Gallery(["a"], {"input": labels}, {"l1": np.zeros(1)}))
    np.testing.assert_array_equal(picture(reader.having("img")[0]), labels[0])


def test_large_and_many_images_are_made_smaller(tmp_path, monkeypatch):
    reader, _ = write(tmp_path, make_gallery(300, 1))
    assert {image["width"] for image in reader.having("img")} == {"256"}
    monkeypatch.setattr(gallery, "_BUDGET", 12_000)
    reader, text = write(tmp_path, make_gallery(300, 1))
    assert {image["width"] for image in reader.having("img")} == {"64"}  # 12,000 pixels in three pictures
    assert len(text) < 20_000


@pytest.mark.parametrize(
    ("pixels", "rgb"),
    [
        (np.array([7], np.uint8), [7, 7, 7]),
        (np.array([7, 8], np.uint8), [7, 8, 0]),
        (np.array([7, 8, 9, 1, 2], np.uint8), [7, 8, 9]),
        (np.array([257 * 7, 257 * 7 + 129, 65535], np.uint16), [7, 8, 255]),
        (np.array([0.5, 1.5, -1.0], np.float32), [128, 255, 0]),
    ],
)
def test_images_of_any_kind_are_displayed_as_colours(pixels, rgb):
    shown = displayed(np.broadcast_to(pixels, (2, 4, 5, len(pixels))))
    assert (shown.shape, shown.dtype) == ((2, 4, 5, 3), np.uint8)
    assert shown[1, 3, 4].tolist() == rgb
