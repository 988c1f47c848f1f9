import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image

from pix2pix_jax.evaluation import measures
from pix2pix_jax.figures.columns import save_columns
from pix2pix_jax.figures.ranking import Ranked, Ranking, shorten


def make_ranking(count, names=None):
    images = smooth_images(count, 32)
    figures = np.arange(count) + 5.0
    names = names or [f"{number}.png" for number in range(count)]
    return Ranking(names, measures.gray_images(images), images[::-1], images, figures, figures + 1)


@pytest.mark.parametrize(
    ("name", "letters", "short"), [("a.png", 5, "a.png"), ("a_long_name.png", 9, "a_lo….png"), ("abcdef", 3, "a…f")]
)
def test_long_names_lose_their_middle(name, letters, short):
    assert shorten(name, letters) == short
    assert len(short) <= letters


def test_a_caption_has_rank_file_and_figures_and_fits():
    ranking = make_ranking(2, ["a.png", "photographs/of/a/summer/long/ago/0123456789.png"])
    assert ranking.caption(0, 50) == "1. a.png   ΔE 5.0 (grey 6.0)"
    assert len(ranking.caption(1, 50)) <= 50
    assert ranking.caption(1, 50).endswith("789.png   ΔE 6.0 (grey 7.0)")


def test_a_ranked_sheet_shows_every_version_of_what_it_is_asked_for(tmp_path):
    ranking = make_ranking(5, ["$a$.png", "b_{.png", "c.png", "d.png", "e.png"])
    ranking.save(tmp_path / "ranked.png", "title\nmore", [Ranked("Best", range(2)), Ranked("Worst", range(4, 5))])
    with Image.open(tmp_path / "ranked.png") as image:
        sheet = np.asarray(image.convert("RGB"))
    assert count_places(sheet, ranking.truth) == [1, 1, 0, 0, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["ranked.png"]


def count_places(sheet, images):
    """How often each image, its pixels enlarged 6 times, lies on a sheet as the last of a triplet."""
    starts = np.argwhere(np.ones((1, 1)))
    found = []
    for image in images:
        big = image.repeat(6, 0).repeat(6, 1)
        starts = np.argwhere((sheet[: -len(big), : -len(big)] == big[0, 0]).all(-1))
        places = [(y, x) for y, x in starts if (sheet[y : y + len(big), x : x + len(big)] == big).all()]
        # Where it was taken for another's colouring, it is in the middle.
        found.append(sum(x > 2 * 6 * 32 and (x - 20) % (3 * 192 + 8 + 36) > 300 for _, x in places))
    return found


def test_a_column_for_each_hand(tmp_path):
    images = smooth_images(3, 32)
    save_columns(tmp_path / "c.png", "title", {"grey\nwhat G sees": measures.gray_images(images), "truth": images})
    with Image.open(tmp_path / "c.png") as image:
        assert image.width == 2 * 20 + 2 * 192 + 4
        assert image.height > 3 * 192 + 2 * 4 + 60
        sheet = np.asarray(image.convert("RGB"))
    bottom = sheet[-20 - 192 : -20, 20 + 192 + 4 : -20]
    np.testing.assert_array_equal(bottom, images[2].repeat(6, 0).repeat(6, 1))
