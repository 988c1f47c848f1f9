"""The page in a real browser: what is given, what is made of it, and that it equals `colorize`."""

import contextlib
import io
import json
import signal
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from helpers import save_image
from page.conftest import PATIENCE, serving
from page.hands import PHOTOS, at, choose, download, drag, drop, large, pixels, png, points_of, wait_for_colour
from PIL import Image
from translators import save_translator

from pix2pix_jax.inference import Point, colorize

pytest.importorskip("uvicorn", reason="the page's server is not installed")
pytestmark = pytest.mark.process


def test_a_reload_loses_nothing(visit, address, photo):
    page = visit(address)
    choose(page, photo, photo)
    wait_for_colour(page, 2)
    page.mouse.click(*at(page, 24, 32))
    page.locator("#number").fill("2")
    labels = points_of(page)
    page.wait_for_timeout(500)
    page.reload()
    wait_for_colour(page, 2)
    assert (points_of(page), page.locator("#strength").input_value()) == (labels, "2")
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert (points_of(page), page.locator("#strength").input_value()) == ([], "1.2")
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


def test_every_kind_of_file(visit, address, generator, tmp_path):
    names = ["12 megapixels.jpg", "deep.png", "a.gif"]
    large(tmp_path / names[0])
    save_image(tmp_path / names[1], PHOTOS[2][..., 0].astype(np.uint16) * 257)
    Image.fromarray(PHOTOS[3]).convert("L").save(tmp_path / names[2])
    page = visit(address)
    choose(page, *(tmp_path / name for name in names))
    for index, name in enumerate(names):
        page.locator("#strip button").nth(index).click()
        page.locator("#download:enabled").wait_for()
        saved, content = download(page)
        made, expected = pixels(content), np.asarray(colorize(tmp_path / name, generator))
        np.testing.assert_allclose(made.astype(int), expected, atol=12 if name.endswith("jpg") else 0)
        assert saved == name.replace("gif", "png")
    assert "cannot hold this image in colour" in page.locator("#notes").inner_text()


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
    assert page.locator("#strip script, #strip [onerror]").count() == 0
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
        ((name, (point,)),) = json.loads(download(page, "#save-points")[1])["photographs"].items()
    expected = colorize(photo, generator, points=[Point(**point)])
    assert (name, point["color"]) == (photo.name, "#26408b")
    np.testing.assert_array_equal(made, np.asarray(expected))


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
        page.locator("#strip li").nth(1).wait_for()
        page.locator("#download:enabled").wait_for(timeout=PATIENCE)
        assert pixels(download(page)[1]).shape == (64, 96, 3)
        assert page.locator("#strength:visible").count() == 0
