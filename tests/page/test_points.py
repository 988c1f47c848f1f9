"""Points of colour in a real browser, by hand, by touch and by keys; what comes of them equals `colorize`."""

import json

import numpy as np
import pytest
from helpers import save_image
from page.hands import at, choose, download, drag, pixels, points_of, wait_for_colour

from pix2pix_jax.inference import colorize
from pix2pix_jax.inference.points import read_points

pytest.importorskip("uvicorn", reason="the page's server is not installed")
pytestmark = pytest.mark.process


def near(shown: list, *wanted: tuple[str, int, int]) -> bool:
    """Whether points are at these pixels of a photograph of 96×64, within a percent or so."""
    places = [(color, (column + 0.5) / 0.96, (row + 0.5) / 0.64) for color, column, row in wanted]
    return len(shown) == len(places) and all(
        one[0] == other[0] and np.hypot(one[1] - other[1], one[2] - other[2]) < 1.5
        for one, other in zip(shown, places, strict=True)
    )


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
    assert near(points_of(page), ("#b3202c", 24, 32), ("#808080", 72, 16))
    drag(page, at(page, 72, 16), at(page, 48, 48))
    assert near(points_of(page)[1:], ("#808080", 48, 48))
    page.keyboard.press("Control+z")
    assert near(points_of(page)[1:], ("#808080", 72, 16))
    page.keyboard.press("Control+y")
    page.mouse.click(*at(page, 86, 57))
    page.mouse.click(*at(page, 86, 57), button="right")
    assert len(points_of(page)) == 2
    page.locator("#undo").click()
    assert len(points_of(page)) == 3
    page.keyboard.press("Delete")  # none is chosen
    page.mouse.click(*at(page, 86, 57))
    page.keyboard.press("Delete")
    assert len(points_of(page)) == 2
    name, content = download(page, "#save-points")
    (tmp_path / name).write_bytes(content)
    points = read_points(tmp_path / name)[photo.name]
    shares = [(point.color, 100 * point.x, 100 * point.y) for point in points]
    assert near(shares, ("#b3202c", 24, 32), ("#808080", 48, 48))
    made = pixels(download(page)[1])
    np.testing.assert_array_equal(made, np.asarray(colorize(photo, generator, points=points)))
    assert (made != pixels(plain[1])).any()


def test_colours_of_the_photograph_and_of_another(visit, address, photo, tmp_path):
    save_image(tmp_path / "other.png", np.full((64, 96, 3), (10, 200, 30), np.uint8))
    page = visit(address)
    choose(page, photo)
    wait_for_colour(page)
    choose(page, tmp_path / "other.png", into="#other")
    page.locator("#second").click()
    page.mouse.click(*at(page, 24, 32))
    ((color, *_),) = points_of(page)
    rgb = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    np.testing.assert_allclose(rgb, (10, 200, 30), atol=3)
    page.locator("#dropper").click()
    page.mouse.click(*at(page, 58, 38))
    assert len(points_of(page)) == 1
    assert color != points_of(page)[0][0]


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
    page.locator("#points button").nth(1).wait_for()
    assert points_of(page) == [("royalblue", 25, 50), ("#ff0000", 100, 0)]
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
    while page.evaluate("document.activeElement.id") != "view" and len(names) < 30:
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id"))
    page.keyboard.press("Enter")
    ((color, across, down),) = points_of(page)
    page.keyboard.press("Shift+ArrowLeft")
    assert points_of(page) == [(color, across - 5, down)]
    while page.evaluate("document.activeElement.innerText") != "red" and len(names) < 80:
        page.keyboard.press("Tab")
        names.append("")
    page.keyboard.press("Enter")
    assert points_of(page)[0][0] == "#b3202c"
    assert page.evaluate("document.activeElement.innerText") == "red"
    page.keyboard.press("Delete")
    assert points_of(page) == []
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
    page.wait_for_function("visualViewport.scale > 1.3")  # the browser's own zoom
    page.touchscreen.tap(*middle)
    assert near(points_of(page), (points_of(page)[0][0], 48, 32))


def test_zoom_by_wheel_is_about_the_pointer_and_dragging_pans(visit, address, photo):
    page = visit(address)
    choose(page, photo)
    wait_for_colour(page)
    place, whole = at(page, 72, 20), page.locator("#picture").bounding_box()
    page.mouse.move(*place)
    page.mouse.wheel(0, -900)
    page.wait_for_function("(width) => document.querySelector('#picture').clientWidth > 3 * width", arg=whole["width"])
    drag(page, place, (place[0] + 60, place[1] + 40))
    assert points_of(page) == []  # a drag is no click
    page.mouse.click(place[0] + 60, place[1] + 40)
    assert near(points_of(page), (points_of(page)[0][0], 72, 20))
    page.locator("#fit").click()
    assert page.locator("#picture").bounding_box() == whole
