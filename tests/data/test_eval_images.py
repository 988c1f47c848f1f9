"""The photographs a network is judged on."""

import numpy as np
import pytest

from pix2pix_jax.data.eval_images import load_eval_images
from pix2pix_jax.errors import UserError


class Levels:
    """A source whose photograph i has level i % 256 throughout."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        return np.full((20 + index % 3, 24, 3), index % 256, np.uint8)


@pytest.mark.parametrize(("there", "count", "wanted"), [(5, 3, 3), (5, 5, 5), (5, 0, 5)])
def test_the_first_so_many(there: int, count: int, wanted: int) -> None:
    images = load_eval_images(Levels(there), 16, 18, count)
    assert images.dtype == np.uint8
    assert images.shape == (wanted, 16, 16, 3)
    assert images[:, 0, 0, 0].tolist() == list(range(wanted))


def test_all_means_at_most_256() -> None:
    assert len(load_eval_images(Levels(300), 4, 4, 0)) == 256
    assert len(load_eval_images(Levels(300), 4, 4, 290)) == 290


@pytest.mark.parametrize("count", [6, -1])
def test_more_than_there_are(count: int) -> None:
    with pytest.raises(UserError, match=rf"data.eval_images={count}, but 5 photographs"):
        load_eval_images(Levels(5), 16, 18, count)


def test_none_there() -> None:
    with pytest.raises(UserError, match="no photographs to judge by"):
        load_eval_images(Levels(0), 16, 18, 0)
