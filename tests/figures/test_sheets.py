"""Sheets of images: every pixel is there, text lies inside the margins, little is wasted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_jax.figures import Group, save_sheet

CAPTIONS = ["$a$.png", "b_{.png", "c.png"]


def triplets(count: int, height: int = 96, width: int = 96) -> dict[str, np.ndarray]:
    shape = (3, count, height, width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return dict(zip(("grey\nwhat G sees", "coloured", "truth"), images, strict=True))


def saved(folder: Path, *groups: Group, title: str = "") -> np.ndarray:
    save_sheet(folder / "sheet.png", title, groups)
    assert [path.name for path in folder.iterdir()] == ["sheet.png"]
    with Image.open(folder / "sheet.png") as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def find_tile(sheet: np.ndarray, tile: np.ndarray) -> tuple[int, int] | None:
    """Finds where a tile stands in a sheet pixel by pixel, as (row, column)."""
    height, width, _ = tile.shape
    room = sheet[: sheet.shape[0] - height + 1, : sheet.shape[1] - width + 1]
    for row, column in np.argwhere((room == tile[0, 0]).all(axis=-1)):
        if np.array_equal(sheet[row : row + height, column : column + width], tile):
            return int(row), int(column)
    return None


@pytest.mark.parametrize(
    ("count", "captions", "size", "scale"),
    [(1, [], (96, 96), 2), (1, CAPTIONS, (96, 96), 2), (6, CAPTIONS * 2, (96, 96), 2), (1, [], (128, 256), 1)],
)
def test_every_pixel_is_there_in_order_and_small_images_are_enlarged(
    tmp_path: Path, count: int, captions: list[str], size: tuple[int, int], scale: int
):
    versions = triplets(2 * count, *size)
    groups = [
        Group({name: images[part] for name, images in versions.items()}, "Some", captions)
        for part in (slice(count), slice(count, None))
    ]
    sheet = saved(tmp_path, *groups, title="demo\nstep 100")
    for index in range(2 * count):
        places = [find_tile(sheet, images[index].repeat(scale, 0).repeat(scale, 1)) for images in versions.values()]
        rows, columns = zip(*[place for place in places if place], strict=True)
        assert (len(set(rows)), len(columns)) == (1, 3)
        assert list(columns) == sorted(columns)


def test_images_of_any_number_of_channels_are_shown(tmp_path: Path):
    _, colored, truth = triplets(2).values()
    five = np.concatenate([colored, truth[..., :2]], axis=-1)
    gray = truth[..., :1] / np.float32(255.0)
    sheet = saved(tmp_path, Group({"input": five, "output": truth[..., :2], "grey": gray}))
    red_and_green = truth.copy()
    red_and_green[..., 2] = 0
    for shown in (colored[1], red_and_green[1], truth[1, ..., :1].repeat(3, -1)):
        assert find_tile(sheet, shown.repeat(2, 0).repeat(2, 1)) is not None


def test_text_lies_inside_the_margins(tmp_path: Path):
    white = np.full((4, 96, 96, 3), 255, np.uint8)  # so that all that is not white is text
    assert (saved(tmp_path, Group({" ": white, "  ": white})) == 255).all()
    labels = saved(tmp_path, Group({"grey": white, "truth": white}, "", ["a_long_name" * 9] * 4))
    title = saved(tmp_path, Group({"grey": white, "truth": white}), title="a title that goes on " * 12)
    for sheet in (labels, title):
        ink = np.all(sheet < 128, axis=-1)
        assert ink.sum() > 100
        assert not ink[:8].any()
        assert not ink[:, :8].any()
        assert not ink[:, -8:].any()


@pytest.mark.parametrize("count", [6, 16, 24])
def test_sheets_waste_little(tmp_path: Path, count: int):
    black = np.zeros((count, 96, 96, 3), np.uint8)
    sheet = saved(tmp_path, Group(dict.fromkeys("abc", black)))
    height, width, _ = sheet.shape
    assert 0.6 < width / height < 2.5
    assert (sheet == 255).all(axis=-1).mean() < 0.2


def test_long_captions_lose_their_middle(tmp_path: Path):
    white = {"grey": np.full((1, 96, 96, 3), 255, np.uint8)}
    long, short = (
        saved(tmp_path, Group(white, "", [f"{middle.join(['a_long_', '_name.png'])}"])) for middle in ("x" * 99, "…")
    )
    np.testing.assert_array_equal(long[-45:, :60], short[-45:, :60])
