"""Points of colour: how a person writes them, and the map that a generator gets."""

import json

import numpy as np
import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.points import Point, check_points, parse_point, point_map, read_points

RED = np.array([1.0 - 0.299, -0.299]) / [1.402, 1.772]


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("1200,340,#7b2d26", Point(1200, 340, "#7b2d26")),
        ("0.5,0.2,royalblue,12", Point(0.5, 0.2, "royalblue", 12)),
        ("1, 1.0, rgb(255, 0, 0)", Point(1, 1.0, "rgb(255, 0, 0)")),
        ("0,0,hsl(0,100%,50%),0.05", Point(0, 0, "hsl(0,100%,50%)", 0.05)),
    ],
)
def test_points_as_they_are_written(text, point):
    assert parse_point(text) == point


@pytest.mark.parametrize(
    "text",
    ["", "1,2", "a,2,red", "1,2,", "nan,1.0,red", "-1,2,red", "1" + 400 * "0" + ",2,red", "1,2,rad", "1,2,red,x"],
)
def test_what_is_no_point_is_refused_in_one_line(text):
    with pytest.raises(UserError) as caught:
        parse_point(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_colour_names_the_nearest():
    with pytest.raises(UserError, match=r"royalblu.*royalblue"):
        Point(1, 1, "royalblu")


def test_the_map_has_the_colour_where_the_point_is_and_nothing_elsewhere():
    drawn = point_map([Point(100, 50, "red", radius=20)], (400, 200), (80, 40))
    mask = drawn[..., 0]
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert mask[10, 20] == 1.0
    assert mask.sum() == 9 * 9
    np.testing.assert_allclose(drawn[mask == 1, 1:], np.tile(2 * RED, (81, 1)), atol=1e-6)
    assert not drawn[mask == 0].any()


def test_shares_and_pixels_name_the_same_place():
    shares = point_map([Point(0.25, 0.25, "red", 0.1)], (400, 200), (80, 40))
    np.testing.assert_array_equal(shares, point_map([Point(100, 50, "red", 20)], (400, 200), (80, 40)))


@pytest.mark.parametrize("corner", [(0, 0), (400, 200), (1.0, 1.0), (0.0, 1.0)])
def test_a_point_at_the_edge_is_on_the_map(corner):
    assert point_map([Point(*corner, "red", 1)], (400, 200), (80, 40))[..., 0].sum() >= 4


def test_the_later_of_two_points_counts():
    drawn = point_map([Point(0.5, 0.5, "red"), Point(0.5, 0.5, "gray")], (160, 160), (160, 160))
    assert drawn[80, 80].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)  # grey has no chroma


@pytest.mark.parametrize(
    ("points", "named"),
    [
        ([Point(401, 0, "red")], "400×200"),
        ([Point(0, 201, "red")], "400×200"),
        ([Point(1, 1, "red")] * 1001, "1,001"),
        ([Point(1, 1, "red", time=2.0)], "2.0"),  # which is for films
    ],
)
def test_points_outside_and_too_many_are_refused(points, named):
    check_points([Point(400, 200, "red"), Point(1.0, 0.0, "red")], 400, 200)
    with pytest.raises(UserError, match=named):
        check_points(points, 400, 200)


def test_a_file_of_points(tmp_path):
    given = {"a/ö.jpg": [{"x": 1, "y": 0.5, "color": "#7b2d26"}, {"x": 0, "y": 1.0, "color": "gray", "radius": 0.25}]}
    text = json.dumps({"version": 1, "photographs": given | {"b.png": []}}, ensure_ascii=False)
    (tmp_path / "points.json").write_text(text, encoding="utf-8")
    points = {"a/ö.jpg": [Point(1, 0.5, "#7b2d26"), Point(0, 1.0, "gray", 0.25)], "b.png": []}
    assert read_points(tmp_path / "points.json") == points


@pytest.mark.parametrize(
    "content",
    [
        None,  # no file
        *("", "[]", "{}"),
        "[" * 100_000,
        '{"version": 2, "photographs": {}}',
        '{"version": 1, "photographs": []}',
        '{"version": 1, "photographs": {"a": [{"x": 1}]}}',
        '{"version": 1, "photographs": {"a": [{"x": NaN, "y": 1, "color": "red"}]}}',
        '{"version": 1, "photographs": {"a": [{"x": "1", "y": 1, "color": "red"}]}}',
        '{"version": 1, "photographs": {"a": [{"x": 1, "y": 1, "color": "rad"}]}}',
    ],
)
def test_a_file_of_something_else_is_refused_by_its_name(tmp_path, content):
    if content is not None:
        (tmp_path / "points.json").write_text(content)
    with pytest.raises(UserError, match=r"points\.json") as caught:
        read_points(tmp_path / "points.json")
    assert "\n" not in str(caught.value)
