import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.aging import aged


@pytest.fixture(scope="module")
def lumas():
    """Four times the same picture: a bright disc on a slope."""
    rows, columns = np.mgrid[:48, :64] / 48
    picture = np.where((rows - 0.5) ** 2 + (columns - 0.6) ** 2 < 0.1, 0.8, rows - 0.9)
    return jnp.asarray(np.tile(picture[None, ..., None], (4, 1, 1, 1)), jnp.float32)


@pytest.fixture(scope="module")
def make():
    return jax.jit(aged, static_argnums=2)


def test_every_image_ages_in_its_own_way_and_keeps_its_picture(lumas, make):
    old = np.asarray(make(lumas, jax.random.key(0), 1.0))
    assert old.shape == lumas.shape
    assert np.abs(old).max() <= 1
    for image in old:
        assert 0.02 < np.abs(image - lumas[0]).mean() < 0.6
        assert np.corrcoef(image.ravel(), np.asarray(lumas[0]).ravel())[0, 1] > 0.7
    differences = [np.abs(old[one] - old[other]).mean() for one in range(4) for other in range(one)]
    assert min(differences) > 0.02


def test_what_is_drawn_follows_from_the_key(lumas, make):
    first, again, other = (make(lumas, jax.random.key(seed), 1.0) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_only_a_share_of_the_images_ages(lumas, make):
    assert np.array_equal(make(lumas, jax.random.key(0), 0.0), lumas)
    many = jnp.tile(lumas, (16, 1, 1, 1))
    same = np.asarray(make(many, jax.random.key(0), 0.25) == many).all((1, 2, 3))
    assert 0.6 < same.mean() < 0.9
