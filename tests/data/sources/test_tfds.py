"""Sets of TFDS: small ones, really prepared, and read without TensorFlow."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tfds_sets import TEST, TRAIN, as_rgb, notes_of, photograph, refusal

from pix2pix_jax.data.sources.tfds import TfdsSource, open_tfds


def numbers_of(source: TfdsSource, split: str = "train") -> list[int]:
    """Which photographs a source shows, each compared pixel by pixel."""
    # Each photograph of a split has a width of its own.
    numbers = [source[i].shape[1] - 9 for i in range(len(source))]
    for i, number in enumerate(numbers):
        assert source[i].dtype == np.uint8
        np.testing.assert_array_equal(source[i], as_rgb(photograph(split, number)))
    return numbers


def test_every_photograph_in_rgb_evaluated_on_in_an_order_as_good_as_random(prepared):
    train, held_out = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    assert train.name == "pix2pix_photos"
    assert sorted(numbers_of(train)) == list(range(TRAIN))
    with pytest.raises(IndexError):
        train[TRAIN]
    as_prepared, _ = open_tfds("pix2pix_photos", "test", "train", 0.1, tfds_dir=str(prepared))
    order = [numbers_of(as_prepared, "test").index(number) for number in numbers_of(held_out, "test")]
    # The same everywhere: a change of this order is a change of what runs are evaluated on.
    assert order == np.random.RandomState(0).permutation(TEST).tolist() == [6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5]


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 4), (0.11, 5), (0.001, 1), (0.97, 39)])
def test_held_out_fraction(prepared, fraction, count):
    train, held_out = open_tfds("pix2pix_train_only/small", "", "", fraction, tfds_dir=str(prepared))
    assert train.name == "pix2pix_train_only_small"
    assert len(held_out) == count
    assert sorted(numbers_of(train) + numbers_of(held_out)) == list(range(TRAIN))


def test_splits_in_the_words_of_tfds(prepared):
    train, held_out = open_tfds("pix2pix_photos", "train[:90%]+test", "train[90%:]", 0.1, tfds_dir=str(prepared))
    assert (len(train), len(held_out)) == (36 + TEST, 4)
    assert not {*[train[i].tobytes() for i in range(len(train))]} & {held_out[i].tobytes() for i in range(4)}
    _, held_out = open_tfds("pix2pix_validation", "", "", 0.1, tfds_dir=str(prepared))  # which has no test
    assert sorted(numbers_of(held_out, "validation")) == list(range(TEST))


@pytest.mark.parametrize(
    ("split", "eval_split", "shared"),
    [("train", "train", 40), ("", "train[90%:]", 4), ("train+test", "", 12), ("train[:21]", "train[20:]", 1)],
)
def test_nothing_is_trained_and_evaluated_on(prepared, split, eval_split, shared):
    message = refusal("pix2pix_photos", prepared, split, eval_split)
    assert f"--config.data.split={split or 'train'} and --config.data.eval_split={eval_split or 'test'}" in message
    assert f"share {shared} photographs" in message


def test_threads(prepared):
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    order = list(np.random.RandomState(1).randint(0, TRAIN, 400))
    with ThreadPoolExecutor(8) as pool:  # the first to open the files, too
        images = list(pool.map(train.__getitem__, order))
    for i, image in zip(order, images, strict=True):
        np.testing.assert_array_equal(image, train[i])


def test_fingerprint(tmp_path):
    def fingerprints() -> list[str]:
        sources = [
            *open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path)),
            *open_tfds("pix2pix_photos", "train[:39]", "train[39:]", 0.1, tfds_dir=str(tmp_path)),
        ]
        return [source.fingerprint() for source in sources]

    first = fingerprints()
    assert len(set(first)) == 4
    assert fingerprints() == first
    shutil.rmtree(tmp_path / "pix2pix_photos")
    assert not set(fingerprints()) & set(first)


def test_prepared_on_first_use(tmp_path, caplog):
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path))
    (note,) = notes_of(caplog)
    assert "--config.data.source=tfds:pix2pix_photos" in note
    assert str(tmp_path / "pix2pix_photos" / "1.2.0") in note
    assert sorted(numbers_of(train)) == list(range(TRAIN))
    open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path))
    assert len(notes_of(caplog)) == 1


def test_prepared_set_that_the_catalogue_lacks(prepared, tmp_path):
    copy = shutil.copytree(prepared / "pix2pix_photos", tmp_path / "holidays")
    for file in (copy / "1.2.0").iterdir():
        if file.suffix == ".json":
            file.write_text(file.read_text().replace("pix2pix_photos", "holidays"))
        file.rename(file.with_name(file.name.replace("pix2pix_photos", "holidays")))
    train, _ = open_tfds("holidays", "", "", 0.1, tfds_dir=str(tmp_path))
    assert sorted(numbers_of(train)) == list(range(TRAIN))
