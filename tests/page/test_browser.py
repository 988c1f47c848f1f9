"""The page in a real browser, by hand: what a visitor does, what comes of it, and that it equals `colorize`."""

import contextlib
import io
import json
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from helpers import save_image, smooth_images
from page.conftest import PATIENCE, serving
from PIL import Image
from translators import save_translator

from pix2pix_jax.inference import Point, TrainedGenerator, colorize, load_trained
from pix2pix_jax.inference.points import read_points

pytest.importorskip("uvicorn", reason="the page's server is not installed")
pytestmark = pytest.mark.process

PHOTOS = smooth_images(20, 96, seed=3)[:, :64]


@pytest.fixture(scope="module")
def generator() -> TrainedGenerator:
    """The package's, which takes points."""
    return load_trained()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as (address, _):
        yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_image(tmp_path / "Großmutter 1944.png", PHOTOS[0][..., 0])


def choose(page, *files: Path, into: str = "#files") -> None:
    page.locator(into).set_input_files([str(file) for file in files])


def wait_for_colour(page, count: int = 1) -> None:
    """Waits until so many photographs are in the strip in colour."""
    page.wait_for_function(
        """(count) => [...document.querySelectorAll("#strip canvas")].filter((canvas) => canvas.shown
        && canvas.getContext("2d").getImageData(0, 0, 240, 150).data.some((value, i, all) => i % 4 === 0
        && Math.abs(value - all[i + 2]) > 6)).length === count""",
        arg=count,
    )


def download(page, button: str = "#download") -> tuple[str, bytes]:
    with page.expect_download() as begun:
        page.locator(button).click()
    return begun.value.suggested_filename, Path(begun.value.path()).read_bytes()


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def at(page, column: int, row: int) -> tuple[float, float]:
    """The middle of a pixel of a photograph of 96×64, on the screen, where it is seen whole."""
    box = page.locator("#canvas").bounding_box()
    scale = min(box["width"] / 96, box["height"] / 64)
    left, top = box["x"] + (box["width"] - 96 * scale) / 2, box["y"] + (box["height"] - 64 * scale) / 2
    return left + (column + 0.5) * scale, top + (row + 0.5) * scale


def point_labels(page) -> list[str]:
    return page.locator("#points button").evaluate_all("all => all.map((each) => each.ariaLabel)")


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def test_points_by_hand(visit, address, photo, generator, tmp_path):
    page = visit(address)
    choose(page, photo)
    wait_for_colour(page)
    plain = download(page)
    assert plain[0] == photo.name
    np.testing.assert_array_equal(pixels(plain[1]), np.asarray(colorize(photo, generator)))
    page.mouse.click(*at(page, 24, 32))
    page.get_by_role("button", name="red", exact=True).click()
    page.mouse.click(*at(page, 72, 16))
    page.get_by_role("button", name="keep grey", exact=True).click()
    assert point_labels(page) == ["Point 1, #b3202c at 24, 32", "Point 2, #808080 at 72, 16"]
    drag(page, at(page, 72, 16), at(page, 48, 48))
    assert point_labels(page)[1] == "Point 2, #808080 at 48, 48"
    page.keyboard.press("Control+z")
    assert point_labels(page)[1] == "Point 2, #808080 at 72, 16"
    page.keyboard.press("Control+y")
    page.mouse.click(*at(page, 86, 57))
    page.mouse.click(*at(page, 86, 57), button="right")
    assert len(point_labels(page)) == 2
    page.locator("#undo").click()
    assert len(point_labels(page)) == 3
    page.keyboard.press("Delete")  # none is chosen
    page.mouse.click(*at(page, 86, 57))
    page.keyboard.press("Delete")
    assert len(point_labels(page)) == 2
    name, content = download(page, "#save-points")
    (tmp_path / name).write_bytes(content)
    points = read_points(tmp_path / name)[photo.name]
    assert [(point.x, point.y, point.color) for point in points] == [(24, 32, "#b3202c"), (48, 48, "#808080")]
    made = pixels(download(page)[1])
    np.testing.assert_array_equal(made, np.asarray(colorize(photo, generator, points=points)))
    assert (made != pixels(plain[1])).any()


def test_a_reload_loses_nothing(visit, address, photo):
    page = visit(address)
    choose(page, photo, photo)
    wait_for_colour(page, 2)
    page.mouse.click(*at(page, 24, 32))
    page.locator("#number").fill("2")
    labels = point_labels(page)
    page.wait_for_timeout(500)
    page.reload()
    wait_for_colour(page, 2)
    assert (point_labels(page), page.locator("#strength").input_value()) == (labels, "2")
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert (point_labels(page), page.locator("#strength").input_value()) == ([], "1.2")
    page.locator("#remove").click()
    page.wait_for_timeout(500)
    page.reload()
    wait_for_colour(page, 1)


def test_strength_is_each_photograph_s_and_never_apart(visit, address, photo, generator):
    page = visit(address)
    choose(page, photo, photo)
    wait_for_colour(page, 2)
    number, slider = page.locator("#number"), page.locator("#strength")
    for typed, strength in (("99", "3"), ("", "3"), ("-1", "0"), ("0.5", "0.5")):
        number.fill(typed)
        number.press("Tab")
        assert (number.input_value(), slider.input_value()) == (strength, strength)
    made = pixels(download(page)[1])
    np.testing.assert_array_equal(made, np.asarray(colorize(photo, generator.with_saturation(0.5))))
    page.locator("#strip button").nth(1).click()
    assert (number.input_value(), slider.input_value()) == ("1.2", "1.2")
    page.locator("#strip button").nth(0).click()
    page.locator("#reset").click()
    assert (number.input_value(), slider.input_value()) == ("1.2", "1.2")
    page.locator("#restore").check()
    made = pixels(download(page)[1])
    np.testing.assert_array_equal(made, np.asarray(colorize(photo, generator, restore=True)))
    page.locator("#undo").click()
    assert not page.locator("#restore").is_checked()


def drop(page, files: dict[str, bytes], event: str = "drop") -> None:
    """Lets the browser drop files, or paste them."""
    page.evaluate(
        """([event, files]) => {
          const transfer = new DataTransfer(), options = { bubbles: true, cancelable: true };
          for (const [name, content] of files) transfer.items.add(new File([new Uint8Array(content)], name));
          document.body.dispatchEvent(event === "drop" ? new DragEvent(event, { ...options, dataTransfer: transfer })
            : new ClipboardEvent(event, { ...options, clipboardData: transfer }));
        }""",
        [event, [[name, list(content)] for name, content in files.items()]],
    )


def png(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


def test_twenty_at_once_and_one_pasted(visit, address, generator):
    page = visit(address)
    drop(page, {f"{number}.png": png(photo) for number, photo in enumerate(PHOTOS)})
    drop(page, {"0.png": png(PHOTOS[1])}, "paste")
    wait_for_colour(page, 21)
    with zipfile.ZipFile(io.BytesIO(download(page, "#all")[1])) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted([*(f"{number}.png" for number in range(20)), "0 (2).png"])
        for name, photo in (("19.png", PHOTOS[19]), ("0 (2).png", PHOTOS[1])):
            np.testing.assert_array_equal(
                pixels(archive.read(name)), np.asarray(colorize(Image.fromarray(photo), generator))
            )
    page.locator("#clear").click()
    assert page.locator("#strip li").count() == 0


def large(path: Path) -> None:
    image = Image.fromarray(PHOTOS[0]).resize((4000, 3000), Image.Resampling.BICUBIC)
    image.save(path, quality=90, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x03\0\0\0me\0\0\0\0\0\0")


def test_every_kind_of_file(visit, address, generator, tmp_path):
    names = ["12 megapixels.jpg", "cmyk.jpg", "deep.png", "a.gif", "a.tif"]
    large(tmp_path / names[0])
    Image.fromarray(PHOTOS[1]).convert("CMYK").save(tmp_path / names[1])
    save_image(tmp_path / names[2], PHOTOS[2][..., 0].astype(np.uint16) * 257)
    for name in names[3:]:
        Image.fromarray(PHOTOS[3]).convert("L").save(tmp_path / name)
    page = visit(address)
    choose(page, *(tmp_path / name for name in names))
    for index, name in enumerate(names):
        page.locator("#strip button").nth(index).click()
        page.locator(f"#download:has-text('{name.replace('gif', 'png')}'):enabled").wait_for()
        saved, content = download(page)
        made, expected = pixels(content), np.asarray(colorize(tmp_path / name, generator))
        if name.endswith("jpg"):  # which is lossy
            file = io.BytesIO()
            Image.fromarray(expected).save(file, "JPEG", quality=95, subsampling="4:4:4")
            expected = pixels(file.getvalue())
        np.testing.assert_array_equal(made, expected)
        assert saved == name.replace("gif", "png")
    assert page.locator("#notes").inner_text() == ""
    page.locator("#strip button").nth(3).click()
    assert "cannot hold this image in colour" in page.locator("#notes").inner_text()


def test_heic(visit, address, tmp_path):
    """Read where pillow-heif is installed, and else told in words."""
    heif = pytest.importorskip("pillow_heif")
    file = tmp_path / "a.heic"
    heif.from_pillow(Image.fromarray(PHOTOS[0])).save(file)
    page = visit(address)
    choose(page, file)
    wait_for_colour(page)
    assert download(page)[0] == "a.png"


def test_what_cannot_be_read_is_told_at_its_place_and_the_rest_goes_on(visit, address, generator):
    file, cut = io.BytesIO(), io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(file, "PNG")
    Image.fromarray(PHOTOS[0]).save(cut, "JPEG")
    photographs = {
        "<img src=x onerror=alert(1)>.png": png(PHOTOS[0]),
        "🐈.png": png(PHOTOS[1]),
        "../../x.png": png(PHOTOS[2]),
    }
    bad = {"text.jpg": b"no image", "<script>alert(1)</script>.jpg": b"", "bomb.png": file.getvalue(), "a.heics": b"0"}
    page = visit(address)
    drop(page, {**bad, "cut.jpg": cut.getvalue()[: len(cut.getvalue()) // 2], **photographs})
    wait_for_colour(page, 3)
    page.wait_for_function("() => document.querySelectorAll('.card.bad').length === 5")
    lines = page.locator(".card.bad i").all_inner_texts()
    for name, line in zip([*bad, "cut.jpg"], lines, strict=True):
        assert line.startswith(name.split("/")[-1])
        assert "--" not in line
    assert page.locator("#strip img, #strip script").count() == 0
    page.locator("#strip button").nth(0).click()
    assert page.locator("#wrong").inner_text() == lines[0]
    for index, name in zip((5, 6, 7), ("🐈.png", "x.png"), strict=False):
        page.locator("#strip button").nth(index + 1).click()
        page.locator("#download:enabled").wait_for()
        saved, content = download(page)
        assert saved == name
        np.testing.assert_array_equal(
            pixels(content), np.asarray(colorize(Image.fromarray(PHOTOS[index - 4]), generator))
        )


def test_two_visitors(visit, address, generator):
    pages = [visit(address), visit(address)]
    for page, photo in zip(pages, PHOTOS, strict=False):
        drop(page, {"a.png": png(photo)})
    for page, photo in zip(pages, PHOTOS, strict=False):
        wait_for_colour(page)
        np.testing.assert_array_equal(
            pixels(download(page)[1]), np.asarray(colorize(Image.fromarray(photo), generator))
        )
        assert page.locator("#strip li").count() == 1


def test_cancelling(visit, address, tmp_path):
    large(tmp_path / "a.jpg")
    page = visit(address)
    choose(page, *[tmp_path / "a.jpg"] * 3)
    wait_for_colour(page, 3)
    page.locator("#all").click()
    assert page.locator("#download").is_disabled()
    page.locator("#cancel").click()
    page.locator("#status").get_by_text("Cancelled").wait_for()
    assert download(page)[0] == "a.jpg"


def test_server_killed_and_started_again(visit, photo, generator):
    with contextlib.ExitStack() as stack:
        address, process = stack.enter_context(serving())
        page = visit(address)
        choose(page, photo)
        wait_for_colour(page)
        process.kill()
        process.wait()
        page.mouse.click(*at(page, 24, 32))
        page.get_by_role("button", name="blue", exact=True).click()
        page.locator("#wrong").get_by_text("does not answer").wait_for()
        stack.enter_context(serving(port=urlsplit(address).port or 0))
        page.locator("#wrong").wait_for(state="hidden")
        made = pixels(download(page)[1])
    expected = colorize(photo, generator, points=[Point(24, 32, "#26408b")])
    np.testing.assert_array_equal(made, np.asarray(expected))


def test_colours_of_the_photograph_and_of_another(visit, address, photo, tmp_path):
    save_image(tmp_path / "other.png", np.full((64, 96, 3), (10, 200, 30), np.uint8))
    page = visit(address)
    choose(page, photo)
    wait_for_colour(page)
    choose(page, tmp_path / "other.png", into="#other")
    page.locator("#second").click()
    page.mouse.click(*at(page, 24, 32))
    (label,) = point_labels(page)
    rgb = [int(label.split("#")[1][place : place + 2], 16) for place in (0, 2, 4)]
    np.testing.assert_allclose(rgb, (10, 200, 30), atol=3)
    page.locator("#dropper").click()
    page.mouse.click(*at(page, 58, 38))
    assert len(point_labels(page)) == 1
    assert label not in point_labels(page)


def test_points_of_a_file(visit, address, photo, tmp_path):
    points = {
        "version": 1,
        "photographs": {
            photo.name: [{"x": 0.25, "y": 32, "color": "royalblue"}, {"x": 1.0, "y": 0, "color": "#ff0000"}]
        },
    }
    (tmp_path / "points.json").write_text(json.dumps(points))
    page = visit(address)
    choose(page, photo)
    wait_for_colour(page)
    choose(page, tmp_path / "points.json", into="#json")
    page.locator("#points li").nth(1).wait_for()
    assert point_labels(page) == ["Point 1, royalblue at 24, 32", "Point 2, #ff0000 at 95, 0"]
    (tmp_path / "points.json").write_text('{"version": 1, "photographs": {"none.png": []}}')
    choose(page, tmp_path / "points.json", into="#json")
    page.locator("#status").get_by_text("none.png").wait_for()


def test_keyboard_alone(visit, address):
    page = visit(address)
    page.get_by_role("button", name="Try camera").wait_for()
    names: list[str] = []
    while "Try cat.png" not in names and len(names) < 10:
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.innerText.trim()"))
    page.keyboard.press("Enter")
    wait_for_colour(page)
    while page.evaluate("document.activeElement.id") != "canvas" and len(names) < 30:
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id"))
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    (label,) = point_labels(page)
    page.keyboard.press("ArrowLeft")
    assert point_labels(page) != [label]
    while page.evaluate("document.activeElement.innerText") != "red" and len(names) < 80:
        page.keyboard.press("Tab")
        names.append("")
    page.keyboard.press("Enter")
    assert "#b3202c" in point_labels(page)[0]
    assert page.evaluate("document.activeElement.innerText") == "red"
    page.keyboard.press("Delete")
    assert point_labels(page) == []
    page.locator("#line").press("Home")
    assert page.locator("#line").input_value() == "0"


def test_zoom_and_pinch(visit, address, photo):
    page = visit(address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    choose(page, photo)
    wait_for_colour(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    middle = at(page, 48, 32)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *apart: float) -> None:
        places = [{"x": middle[0] + each, "y": middle[1], "id": index} for index, each in enumerate(apart)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    fingers("touchStart", -20, 20)
    for each in range(20, 101, 10):
        fingers("touchMove", -each, each)
    fingers("touchEnd")
    page.wait_for_timeout(300)
    page.touchscreen.tap(middle[0] + 100, middle[1] + 5)
    (label,) = point_labels(page)
    column = int(label.split(" at ")[1].split(",")[0])
    assert 48 + 4 < column < 48 + 100 * 96 / 370 - 8  # nearer to the middle than without zoom
    page.locator("#fit").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, address, photo, tmp_path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page = visit(address, color_scheme=scheme)
    page.get_by_role("button", name="Try camera").wait_for()
    found = axe.run(page).response["violations"]
    drop(page, {"text.jpg": b"no image"})
    choose(page, photo)
    wait_for_colour(page)
    page.mouse.click(*at(page, 24, 32))
    choose(page, photo, into="#other")
    page.locator("#second").wait_for()
    found += axe.run(page).response["violations"]
    assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in found] == []


def test_scripts_from_elsewhere_do_not_run(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.evaluate(
        """() => {
          const script = Object.assign(document.createElement("script"), { src: "data:text/javascript,window.ran=1" });
          document.body.append(script, document.createElement("div"));
          document.querySelector("div:last-child").innerHTML = '<b onclick="window.ran=1">b</b>';
          document.querySelector("div b").click();
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None


def test_a_password(visit, generator_file, tmp_path):
    (tmp_path / "word").write_text("sesame\n")
    with serving("--checkpoint", str(generator_file), "--password-file", str(tmp_path / "word")) as (address, process):
        assert "sesame" not in Path(f"/proc/{process.pid}/cmdline").read_text()
        page = visit(address, http_credentials={"username": "anybody", "password": "sesame"})
        drop(page, {"a.png": png(PHOTOS[0])})
        wait_for_colour(page)
        assert page.locator(".points:visible").count() == 0  # this generator takes none
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_drawing_is_translated(visit, tmp_path):
    file = save_translator(tmp_path / "g.safetensors")
    with serving("--checkpoint", str(file), "--root-path", "/under") as (address, _):
        page = visit(address + "under/")
        page.locator("#paper").wait_for()
        box = page.locator("#paper").bounding_box()
        assert box["width"] > 300
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        drag(page, middle, (middle[0] + 90, middle[1] + 90))
        drag(page, middle, (middle[0] - 90, middle[1] + 90))
        page.locator("#undraw").click()
        page.locator("#translate").click()
        page.locator("#download:enabled").wait_for()
        name, made = download(page)
        drawn = page.locator("#paper").evaluate("paper => paper.toDataURL()")
        assert (name, pixels(made).shape) == ("drawing.png", (32, 32, 3))
        page.locator("#wipe").click()
        assert page.locator("#paper").evaluate("paper => paper.toDataURL()") != drawn
        choose(page, save_image(tmp_path / "a.png", PHOTOS[0]))
        page.locator("#download:has-text('a.png'):enabled").wait_for(timeout=PATIENCE)
        assert pixels(download(page)[1]).shape == (64, 96, 3)
        assert page.locator("#strength:visible").count() == 0
