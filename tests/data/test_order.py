"""What is drawn for a batch: a function of its step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_jax.data.order import Draws, Order


def order_of(count: int, *, batch_size: int = 4, seed: int = 0, **kwargs: int) -> Order:
    return Order(count, batch_size=batch_size, seed=seed, **kwargs)


def joined(draws: list[Draws]) -> Draws:
    return Draws(*map(np.concatenate, zip(*draws, strict=True)))


def assert_same(got: Draws, wanted: Draws) -> None:
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 30), batch_size=st.integers(1, 40), seed=st.integers(-5, 2**63))
def test_every_photograph_is_seen_once_an_epoch(count, batch_size, seed):
    order = order_of(count, batch_size=batch_size, seed=seed)
    seen = joined([order[step] for step in range(-(-3 * count // batch_size))]).photograph.tolist()
    for epoch in range(3):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_draws_are_spread_evenly_and_differ_by_epoch_and_seed():
    draws = order_of(2000, batch_size=2000)[0]
    for place in (draws.down, draws.right):
        assert (place.min(), place.mean(), place.max()) == pytest.approx((0, 0.5, 1), abs=0.03)
    assert draws.mirrored.mean() == pytest.approx(0.5, abs=0.05)
    assert abs(np.corrcoef(draws.down, draws.right)[0, 1]) < 0.1
    for other in (order_of(2000, batch_size=2000)[1], order_of(2000, batch_size=2000, seed=1)[0]):
        for drawn, drawn_otherwise in zip(draws, other, strict=True):
            assert (drawn != drawn_otherwise).any()


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_processes_share_a_batch(processes):
    whole = order_of(7, batch_size=12)
    shares = [order_of(7, batch_size=12, process_index=index, process_count=processes) for index in range(processes)]
    for step in (0, 1, 50):
        assert_same(joined([share[step] for share in shares]), whole[step])
        assert {len(share[step].photograph) for share in shares} == {12 // processes}


def test_draws_stay_the_same_in_new_versions():
    # A run resumed with a newer version must go on with the batches it would have had.
    draws = order_of(10, batch_size=10, seed=7)[0]
    assert draws.photograph.tolist() == [6, 3, 9, 1, 2, 0, 5, 7, 8, 4]
    np.testing.assert_allclose(draws.down[:3], [0.873821, 0.356003, 0.207814], atol=1e-6)
    np.testing.assert_allclose(draws.right[:3], [0.954921, 0.948014, 0.007928], atol=1e-6)
    assert draws.mirrored.tolist() == [True, True, False, False, False, False, True, True, True, False]
