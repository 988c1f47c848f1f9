"""The page in a real browser: what a visitor does, and what comes of it."""

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from helpers import ROOT, save_image, smooth_images
from page.conftest import serving
from PIL import Image
from translators import save_translator

pytest.importorskip("gradio", reason="Gradio is not installed")
pytestmark = pytest.mark.process

PHOTOS = smooth_images(3, 80, seed=3)[:, :60]


@pytest.fixture(scope="module")
def address(generator_file: Path, work_folder: Path) -> Iterator[str]:
    with serving("--checkpoint", str(generator_file), TMPDIR=str(work_folder)) as (address, _):
        yield address


@pytest.fixture
def page(browser, address: str) -> Iterator:
    """A tab with the page, which may ask for nothing but what the page's own host has."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_selector("#given input[type=file]", state="attached")
    yield page
    context.close()
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(address).netloc}
    assert wrong == []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    path = tmp_path / "Großmutter 1944.jpg"
    Image.fromarray(PHOTOS[0]).convert("L").save(path, exif=exif, dpi=(300, 300))
    return path


def choose(page, *files: Path) -> None:
    page.locator("#given input[type=file]").set_input_files([str(file) for file in files])


def wait_for(page, status: str) -> None:
    page.locator("#status p").get_by_text(status, exact=True).wait_for(timeout=60_000)


def download(page, name: str) -> bytes:
    with page.expect_download() as begun:
        page.get_by_role("link", name=name, exact=True).click()
    if begun.value.failure():  # made anew while it was on its way
        return b""
    return Path(begun.value.path()).read_bytes()


def by_command(photo: Path, generator_file: Path, out: Path, *flags: str) -> bytes:
    """What pix2pix-colorize makes of a photograph."""
    command = [sys.executable, "-m", "pix2pix_jax.commands.colorize", str(photo), "--checkpoint", str(generator_file)]
    subprocess.run([*command, "--out", str(out), *flags], cwd=ROOT, check=True, capture_output=True)
    return (out / photo.name).read_bytes()


def test_chosen_photograph_is_what_the_command_makes_of_it(page, photo, generator_file, tmp_path):
    choose(page, photo)
    wait_for(page, "1 coloured")
    assert download(page, f"Download {photo.name}") == by_command(photo, generator_file, tmp_path / "out")
    assert page.get_by_alt_text(f"{photo.name}, in colour").evaluate("image => image.naturalWidth") == 80


def test_strength_by_the_keys(page, photo, generator_file, tmp_path):
    choose(page, photo)
    wait_for(page, "1 coloured")
    expected = by_command(photo, generator_file, tmp_path / "out", "--saturation", "0.2")
    line = page.get_by_role("slider", name=f"{photo.name}: how much is shown grey, from the left")
    line.press("Home")
    slider = page.locator("#strength input[type=range]")
    slider.focus()
    for _ in range(8):
        slider.press("ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(0.2)
    end = time.monotonic() + 30
    while download(page, f"Download {photo.name}") != expected:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert line.input_value() == "0"  # stays where it was


def test_before_and_after_by_keys(page, photo):
    choose(page, photo)
    slider = page.get_by_role("slider", name=f"{photo.name}: how much is shown grey, from the left")
    slider.wait_for()
    before = page.get_by_alt_text(f"{photo.name}, grey")

    def shown() -> float:
        return float(before.evaluate("image => image.parentElement.style.getPropertyValue('--at')").rstrip("%"))

    assert shown() == 50
    slider.focus()
    slider.press("ArrowRight")
    assert (shown(), slider.get_attribute("aria-valuetext")) == (51, "51 %")
    slider.press("Home")
    assert shown() == 0


def give_by(page, event: str, target: str, files: dict[str, bytes]) -> None:
    """Lets the browser drop files onto something, or paste them into it."""
    page.evaluate(
        """([event, target, files]) => {
          const transfer = new DataTransfer();
          for (const [name, content] of files)
            transfer.items.add(new File([new Uint8Array(content)], name, { type: "image/png" }));
          const options = { bubbles: true, cancelable: true };
          const made = event === "paste" ? new ClipboardEvent(event, { ...options, clipboardData: transfer })
            : new DragEvent(event, { ...options, dataTransfer: transfer });
          document.querySelector(target).dispatchEvent(made);
        }""",
        [event, target, [[name, list(content)] for name, content in files.items()]],
    )


def png(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


def test_dropped_and_pasted_photographs_come_one_after_the_other_and_go_as_one_zip(page):
    give_by(page, "drop", "#given button", {"a.png": png(PHOTOS[0]), "b.png": png(PHOTOS[1])})
    wait_for(page, "2 coloured")
    give_by(page, "paste", "body", {"a.png": png(PHOTOS[2])})
    wait_for(page, "3 coloured")
    with zipfile.ZipFile(io.BytesIO(download(page, "Download all (zip)"))) as archive:
        assert sorted(archive.namelist()) == ["a (2).png", "a.png", "b.png"]
        assert archive.read("b.png") == download(page, "Download b.png")
        with Image.open(archive.open("a (2).png")) as image:
            assert (image.mode, image.size) == ("RGB", (80, 60))


def test_what_cannot_be_read_is_told_in_a_line_and_the_rest_goes_on(page, photo, tmp_path):
    files = [tmp_path / name for name in ("text.jpg", "empty.png", "half.png", "<b>bold.jpg")]
    files[0].write_text("not an image")
    files[1].write_bytes(b"")
    files[2].write_bytes(png(PHOTOS[0])[:2000])
    files[3].write_text("not an image either")
    choose(page, *files, photo)
    wait_for(page, "1 coloured, 4 not")
    lines = page.get_by_role("alert").all_inner_texts()
    assert len(lines) == 4
    assert not any("/" in line for line in lines)
    assert any(line.startswith("text.jpg cannot be read: ") for line in lines)
    assert page.locator("#results b").count() == 0
    assert page.get_by_role("link", name=f"Download {photo.name}").is_visible()


def kept(folder: Path) -> list[str]:
    """Names of the images that the page's folders hold, but for the examples' and its own."""
    names = {path.name for path in folder.glob("pix2pix-page-*/*/**/*") if path.is_file() and path.stat().st_size}
    return sorted(names - {"cat.png", "coffee.png", "camera.png", "warm_up.png", "before.jpg", "after.jpg"})


def test_nothing_stays_of_a_visitor_who_has_left(browser, address, tmp_path, work_folder):
    file = save_image(tmp_path / "secret.png", PHOTOS[0])
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    choose(page, file)
    wait_for(page, "1 coloured")
    assert "secret.png" in kept(work_folder)
    context.close()
    end = time.monotonic() + 30
    while "secret.png" in kept(work_folder) and time.monotonic() < end:
        time.sleep(0.5)
    assert "secret.png" not in kept(work_folder)


def test_remove_all(page, photo, work_folder):
    choose(page, photo)
    wait_for(page, "1 coloured")
    page.get_by_role("button", name="Remove all").click()
    page.locator("#results section").wait_for(state="detached")
    choose(page, photo)
    wait_for(page, "1 coloured")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(browser, address, photo, scheme):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    choose(page, photo)
    wait_for(page, "1 coloured")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_keyboard_alone(page):
    """Tab reaches everything there is to use, and Enter uses it."""
    last = "Try: cat"
    page.get_by_role("button", name=last).wait_for()  # what appears later would be passed over
    names: list[str] = []
    while last not in names and len(names) < 20:
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.ariaLabel || document.activeElement.innerText")
        names.append(name.strip())
    assert last in names
    assert any("upload" in name.lower() for name in names)
    page.keyboard.press("Enter")
    wait_for(page, "1 coloured")


def test_drawing_is_translated(browser, tmp_path):
    file = save_translator(tmp_path / "g.safetensors")
    with serving("--checkpoint", str(file), TMPDIR=str(tmp_path)) as (address, _):
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        canvas = page.locator("#canvas canvas").first
        canvas.wait_for()
        page.wait_for_timeout(1000)  # what is drawn on is made after the canvas
        box = canvas.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 40, middle[1] + 40, steps=10)
        page.mouse.up()
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Translate the drawing").click()
        wait_for(page, "1 translated")
        with Image.open(io.BytesIO(download(page, "Download drawing.png"))) as made:
            assert made.size == (32, 32)
        drawn = min(tmp_path.glob("pix2pix-page-*/made/*/*/drawing.png"))
        with Image.open(drawn) as image:
            pixels = np.asarray(image)
        assert (pixels == 255).mean() > 0.5
        assert (pixels == 0).any()
        choose(page, save_image(tmp_path / "a.png", PHOTOS[0]))
        wait_for(page, "2 translated")
        page.context.close()
    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {urlsplit(address).netloc}
