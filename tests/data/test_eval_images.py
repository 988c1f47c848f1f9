"""The photographs a network is evaluated on."""

import numpy as np
import pytest
from helpers import Numbered

from pix2pix_jax.data.eval_images import load_eval_images
from pix2pix_jax.errors import UserError


@pytest.mark.parametrize(
    ("there", "count", "wanted"), [(5, 3, 3), (5, 5, 5), (5, 0, 5), (300, 0, 256), (300, 290, 290)]
)
def test_the_middles_of_the_first_so_many(there, count, wanted):
    images = load_eval_images(Numbered(there), 8, 10, count)
    assert images.dtype == np.uint8
    assert images.shape == (wanted, 8, 8, 3)
    assert images[:, 0, 0].tolist() == [[number % 256, 1, 2] for number in range(wanted)]


@pytest.mark.parametrize(
    ("there", "count", "message"),
    [(5, 6, "data.eval_images=6, but 5 photographs"), (5, -1, "=-1, but 5"), (0, 0, "no photographs to evaluate on")],
)
def test_more_than_there_are(there, count, message):
    with pytest.raises(UserError, match=message):
        load_eval_images(Numbered(there), 8, 10, count)
