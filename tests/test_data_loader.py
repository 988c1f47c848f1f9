"""Batches as functions of their step, and the threads that make them ahead."""

import gc
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_jax.data.folder import open_folders
from pix2pix_jax.data.loader import Loader
from pix2pix_jax.errors import UserError


class Numbered:
    """A source whose photograph i is of colour i throughout, except for a mark in its corner."""

    def __init__(self, count: int, height: int = 10, width: int = 12) -> None:
        self.count, self.height, self.width = count, height, width

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        photo = np.full((self.height, self.width, 3), index, np.uint8)
        photo[..., 1] = np.arange(self.height)[:, None]
        photo[..., 2] = np.arange(self.width)
        return photo


def loader_of(source: object, *, batch_size: int = 4, seed: int = 0, **kwargs: int) -> Loader:
    return Loader(source, batch_size=batch_size, image_size=8, resize=10, seed=seed, **kwargs)  # type: ignore[arg-type]


def indices(batch: np.ndarray) -> list[int]:
    return batch[:, 0, 0, 0].tolist()


def loader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    yield
    deadline = time.monotonic() + 5
    while loader_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not loader_threads()


# --- Batches -----------------------------------------------------------------------------------


def test_batch_is_uint8_of_the_right_shape() -> None:
    batch = loader_of(Numbered(7)).batch(0)
    assert batch.shape == (4, 8, 8, 3)
    assert batch.dtype == np.uint8


def test_two_loaders_agree() -> None:
    for step in (0, 3, 1000):
        np.testing.assert_array_equal(loader_of(Numbered(7)).batch(step), loader_of(Numbered(7)).batch(step))


def test_batch_does_not_depend_on_the_order_of_calls() -> None:
    loader = loader_of(Numbered(7))
    forwards = [loader.batch(step) for step in range(6)]
    backwards = [loader.batch(step) for step in reversed(range(6))]
    np.testing.assert_array_equal(forwards, backwards[::-1])


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 30), batch_size=st.integers(1, 40), seed=st.integers(-5, 2**63))
def test_every_photograph_is_seen_once_an_epoch(count: int, batch_size: int, seed: int) -> None:
    loader = loader_of(Numbered(count), batch_size=batch_size, seed=seed)
    steps = -(-3 * count // batch_size)
    seen = [index for step in range(steps) for index in indices(loader.batch(step))]
    for epoch in range(3):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_epochs_differ_in_order_and_in_crops() -> None:
    loader = loader_of(Numbered(20), batch_size=20)
    epochs = [loader.batch(step) for step in range(4)]
    orders = [indices(batch) for batch in epochs]
    assert len({tuple(order) for order in orders}) == 4
    same_photo = [batch[order.index(5)] for batch, order in zip(epochs, orders, strict=True)]
    assert len({crop.tobytes() for crop in same_photo}) > 1


def test_seeds_differ() -> None:
    batches = [loader_of(Numbered(20), seed=seed).batch(0) for seed in range(4)]
    assert len({batch.tobytes() for batch in batches}) == 4


def test_crops_of_an_epoch_differ_between_photographs() -> None:
    batch = loader_of(Numbered(100), batch_size=100).batch(0)
    places = Counter((int(crop[0, :, 1].min()), int(crop[0, :, 2].min())) for crop in batch)
    assert len(places) == 3 * 5
    mirrored = sum(crop[0, 0, 2] > crop[0, -1, 2] for crop in batch)
    assert 30 < mirrored < 70


def test_crop_depends_on_the_photograph_not_on_the_batch() -> None:
    small = loader_of(Numbered(12), batch_size=3)
    large = loader_of(Numbered(12), batch_size=12)
    np.testing.assert_array_equal(np.concatenate([small.batch(step) for step in range(4)]), large.batch(0))


def test_rows_are_a_part_of_their_batch() -> None:
    loader = loader_of(Numbered(7), batch_size=6)
    np.testing.assert_array_equal(loader.rows(range(20, 23)), loader.batch(3)[2:5])


def test_more_rows_than_photographs() -> None:
    batch = loader_of(Numbered(1), batch_size=64).batch(0)
    assert set(indices(batch)) == {0}
    assert len({crop.tobytes() for crop in batch}) > 10


def test_batches_stay_the_same_in_new_versions() -> None:
    # A run resumed with a newer version must go on with the batches it would have had.
    loader = loader_of(Numbered(10), batch_size=10, seed=7)
    assert indices(loader.batch(0)) == [6, 3, 9, 1, 2, 0, 5, 7, 8, 4]
    corners = loader.batch(0)[:4, 0, 0, 1:].tolist()
    assert corners == [[1, 10], [1, 7], [1, 2], [1, 11]]


# --- Making them ahead -------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 5, 40])
@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_iterate_gives_the_batches_in_order(batch_size: int, num_threads: int) -> None:
    loader = loader_of(Numbered(17), batch_size=batch_size, num_threads=num_threads)
    with loader.iterate(3) as batches:
        for step in range(3, 12):
            np.testing.assert_array_equal(next(batches), loader.batch(step))


def test_two_iterators_do_not_disturb_each_other() -> None:
    loader = loader_of(Numbered(17))
    with loader.iterate() as one, loader.iterate(5) as other:
        for step in range(5):
            np.testing.assert_array_equal(next(one), loader.batch(step))
            np.testing.assert_array_equal(next(other), loader.batch(step + 5))


def test_iterating_works_ahead() -> None:
    asked = threading.Semaphore(0)

    class Counting(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            asked.release()
            return super().__getitem__(index)

    with loader_of(Counting(9)).iterate():
        for _ in range(12):  # three batches of four, though none was asked for
            assert asked.acquire(timeout=5)


def test_closed_iterator_is_at_its_end() -> None:
    batches = loader_of(Numbered(7)).iterate()
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []
    assert not loader_threads()


def test_iterator_that_is_dropped_leaves_no_thread() -> None:
    batches = loader_of(Numbered(7)).iterate()
    next(batches)
    del batches
    gc.collect()


def test_closing_does_not_wait_for_all_that_was_begun() -> None:
    class Slow(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            time.sleep(0.005)
            return super().__getitem__(index)

    batches = loader_of(Slow(100), batch_size=1000).iterate()
    start = time.monotonic()
    batches.close()
    assert time.monotonic() - start < 2  # all three batches would take 7.5 s on two threads


def test_error_in_a_thread_is_raised_by_its_batch() -> None:
    order = indices(loader_of(Numbered(100)).batch(2))

    class Broken(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            if index == order[1]:
                raise UserError("the disk is gone")
            return super().__getitem__(index)

    batches = loader_of(Broken(100)).iterate()
    next(batches)
    next(batches)
    with pytest.raises(UserError, match="the disk is gone"):
        next(batches)
    assert not loader_threads()
    with pytest.raises(StopIteration):
        next(batches)


def test_folder_with_a_truncated_photograph_trains_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i in range(6):
        Image.effect_noise((64, 48), 40 + i).convert("RGB").save(tmp_path / f"{i}.jpg")
    cut = tmp_path / "2.jpg"
    cut.write_bytes(cut.read_bytes()[:-400])
    batches = []
    for _ in range(2):
        train, _ = open_folders(str(tmp_path), "", 0.1, shorter_side=10)
        assert "2.jpg" in train.files
        with loader_of(train, batch_size=16, num_threads=4).iterate() as iterator:
            batches.append([next(iterator) for _ in range(3)])
        assert list(train.skipped) == ["2.jpg"]
    np.testing.assert_array_equal(*batches)
    assert len(caplog.records) == 2


# --- What cannot be used -----------------------------------------------------------------------


def test_no_photographs() -> None:
    with pytest.raises(UserError, match="no photographs to train on"):
        loader_of(Numbered(0))


@pytest.mark.parametrize("name", ["batch_size", "num_threads"])
def test_numbers_below_one(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}=0: wanted at least 1"):
        loader_of(Numbered(3), **{name: 0})


def test_crop_larger_than_the_photograph() -> None:
    with pytest.raises(UserError, match=r"data.resize=64 is less than image_size=96"):
        Loader(Numbered(3), batch_size=1, image_size=96, resize=64, seed=0)
