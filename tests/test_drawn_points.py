"""Points that training draws from the truth."""

import jax
import numpy as np
import pytest
from scipy.ndimage import label

from pix2pix_jax.tasks.points import NONE, draw_points, points_at

CHROMA = np.random.default_rng(0).uniform(-1, 1, (2, 40, 60, 2)).astype(np.float32)


def test_one_point_is_a_square_with_its_mean_chroma():
    sides, truth = set(), np.tile(CHROMA, (20, 1, 1, 1))
    drawn = np.asarray(points_at(jax.random.key(0), truth, (np.arange(40) > 0).astype(np.int32)))
    assert not drawn[0].any()
    for one, chroma in zip(drawn[1:], truth[1:], strict=True):
        rows, columns = np.nonzero(one[..., 0])
        square = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        assert (one[..., 0][square] == 1).all()
        assert np.ptp(rows) == np.ptp(columns)
        sides.add(int(np.ptp(rows)) + 1)
        np.testing.assert_allclose(one[square][0, 0, 1:], chroma[square].mean((0, 1)), atol=1e-4)
    assert sides == {3, 5, 7, 9}


def test_points_lie_everywhere_in_the_image():
    drawn = np.asarray(points_at(jax.random.key(0), CHROMA, np.array([100, 100])))
    assert drawn[..., 0].mean() > 0.6
    assert drawn[:, :3, :, 0].any()
    assert drawn[:, :, -3:, 0].any()


def test_counts_are_geometric_with_a_third_of_none():
    images = np.zeros((2000, 12, 12, 2), np.float32)
    drawn = np.asarray(draw_points(jax.random.key(3), images, 1.0))[..., 0]
    assert (drawn.any((1, 2)) == 0).mean() == pytest.approx(NONE, abs=0.03)
    assert all(label(one)[1] <= 1 for one in drawn[:50])
    wide = np.zeros((300, 400, 400, 2), np.float32)[:60]
    counts = [label(one)[1] for one in np.asarray(draw_points(jax.random.key(4), wide, 5.0))[..., 0]]
    assert np.mean([count for count in counts if count]) == pytest.approx(5.0, abs=1.7)


def test_drawing_follows_from_the_key_alone():
    one, same, other = (np.asarray(draw_points(jax.random.key(seed), CHROMA, 3.0)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
