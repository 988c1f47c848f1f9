"""The page that colours in the browser: what it makes, what it refuses, and that it needs nobody."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from web.conftest import Server

from pix2pix_jax import colorize
from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.inference.points import read_points

pytestmark = pytest.mark.process

_SLOW = 120_000  # ms; a busy machine


@pytest.fixture(scope="module")
def server(built: Path) -> Iterator[Server]:
    server = Server(built)
    yield server
    server.stop()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A visit, in which nothing goes wrong unseen and nobody else is asked for anything."""
    context = browser.new_context(accept_downloads=True, viewport={"width": 1200, "height": 800})
    context.set_default_timeout(_SLOW)
    wrong: list[str] = []
    hosts: set[str] = set()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(server.url)
    yield page
    assert wrong == []
    # Blobs are the page's own, and have no host.
    assert hosts - {""} == {f"127.0.0.1:{server.port}"}
    context.close()


def wired(page: Any) -> None:
    for _ in range(600):  # the page's policy forbids what Playwright's `wait_for_function` would evaluate
        if page.evaluate("document.querySelector('#files').onchange !== null"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page did not start")


def give(page: Any, *files: Path) -> None:
    wired(page)
    page.set_input_files("#files", list(files))
    page.wait_for_selector("#download:enabled")


def download(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as coming:
        page.click(button)
    file = folder / coming.value.suggested_filename
    coming.value.save_as(file)
    return file


def read(file: Path) -> Image.Image:
    with Image.open(file) as image:
        image.load()
        return image


def differences(made: Image.Image, wanted: Image.Image) -> tuple[float, float]:
    """Mean CIEDE2000, and the largest difference of luma, levels of 255."""
    one, other = (np.asarray(image.convert("RGB")) for image in (made, wanted))
    assert one.shape == other.shape
    return deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).mean(), abs((one - other.astype(float)) @ LUMA_WEIGHTS).max()


def test_build_names_what_is_missing(sources: Path) -> None:
    done = subprocess.run(["node", "build.mjs"], cwd=sources, capture_output=True, text=True)
    if not (sources / "model").exists():  # else another test was first
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "pix2pix-export" in done.stderr


def test_folder_is_small(built: Path) -> None:
    assert sum(file.stat().st_size for file in built.rglob("*") if file.is_file()) < 25e6


def test_colours_as_the_package_does(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "ü 1.png"
    Image.fromarray(data.coffee()).convert("L").save(file)
    give(page, file)

    made = download(page, "#download", tmp_path / "made")

    color, luma = differences(read(made), colorize(file))
    assert made.name == file.name
    assert color < 0.5
    assert luma < 1.0


def test_follows_points_that_are_clicked(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(file)
    give(page, file)
    box = page.locator("#picture").bounding_box()
    for color, across, down in (("#2040b0", 0.4, 0.5), ("#208030", 0.75, 0.3)):
        page.fill("#picker", color)
        page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        page.keyboard.press("Escape")

    points = read_points(download(page, "#save-points", tmp_path / "made"))[file.name]
    made = read(download(page, "#download", tmp_path / "made"))

    assert len(points) == 2
    assert differences(made, colorize(file, points=points))[0] < 1.0
    assert differences(made, colorize(file))[0] > 2.0  # they do something


def test_large_upright_photograph(page: Any, tmp_path: Path) -> None:
    """12 megapixels, lying on their side as EXIF says, as JPEG: what is made of them stands, and is JPEG."""
    image = Image.fromarray(data.chelsea()).resize((4000, 3000))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", quality=95, exif=exif)
    give(page, tmp_path / "a.jpg")

    made = read(download(page, "#download", tmp_path / "made"))

    assert made.format == "JPEG"
    assert made.size == (3000, 4000)
    assert differences(made.reduce(4), colorize(tmp_path / "a.jpg").reduce(4))[0] < 1.0


def test_works_without_a_network(browser: Any, built: Path, tmp_path: Path) -> None:
    """The server is gone after the first visit; the photograph and its points are still there, and so are colours."""
    server = Server(built)
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(_SLOW)
    page = context.new_page()
    page.goto(server.url)
    Image.fromarray(data.camera()).save(tmp_path / "camera.png")
    give(page, tmp_path / "camera.png")
    server.stop()

    page.goto(f"{server.url}?again")
    page.wait_for_selector("#download:enabled")
    made = read(download(page, "#download", tmp_path / "made"))

    assert differences(made, colorize(tmp_path / "camera.png"))[0] < 0.5
    context.close()


def test_refuses_what_it_cannot_read(page: Any, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no photograph")
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    Image.fromarray(data.camera()).save(tmp_path / "fine.png")
    wired(page)
    page.set_input_files("#files", [tmp_path / name for name in ("text.jpg", "bomb.png", "fine.png")])
    page.locator(".card.bad").nth(1).wait_for()

    said = page.locator("#strip").inner_text()

    assert "pix2pix-colorize" in said
    assert "megapixels" in said
    page.click(".card:has-text('fine.png')")
    assert read(download(page, "#download", tmp_path / "made")).size == (512, 512)


def test_result_can_be_cancelled(page: Any, server: Server, tmp_path: Path) -> None:
    """Long work ends in the middle, and the engine goes on with the next."""
    Image.fromarray(data.chelsea()).resize((4000, 3000)).save(tmp_path / "a.jpg")
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), {type: 'file', id: 'own'}))")
    page.set_input_files("#own", tmp_path / "a.jpg")

    told = page.evaluate("""async () => {
        const engine = await (await import("./engine.js")).createEngine();
        const photo = await engine.open(document.querySelector("#own").files[0]), asked = { points: [], strength: 1 };
        const shares = [], control = new AbortController(), heard = (share) => [shares.push(share), control.abort()];
        const error = await engine.result(photo, asked, control.signal, heard).catch((error) => error.name);
        const { width, height } = await createImageBitmap(await engine.preview(photo, asked));
        const wrong = await engine.preview(photo, { points: [{ x: 1, y: 1, color: "no" }], strength: 1 }).catch(String);
        return { shares, error, width, height, wrong };
    }""")

    assert told["error"] == "AbortError"
    assert len(told["shares"]) == 1
    assert (told["width"], told["height"]) == (213, 160)
    assert "no colour" in told["wrong"]


def test_webgpu_that_fails_leaves_webassembly(browser: Any, server: Server, tmp_path: Path) -> None:
    """There seems to be WebGPU, and there is none: the trial ends, and the page colours as ever."""
    context = browser.new_context()
    context.set_default_timeout(_SLOW)
    context.add_init_script("navigator.gpu.requestAdapter = async () => ({ info: {} });")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    trial = page.evaluate("""async () => {
        const { createEngine } = await import("./engine.js");
        return (await createEngine()).trial;
    }""")
    file = tmp_path / "camera.png"
    Image.fromarray(data.camera()).save(file)
    give(page, file)

    made = read(download(page, "#download", tmp_path / "made"))

    assert trial == "wasm"
    assert any("webgpu" in url for url in asked)
    assert differences(made, colorize(file))[0] < 0.5
    context.close()
