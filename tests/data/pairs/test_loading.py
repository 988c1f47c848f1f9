"""Pairs as batches: both images cut alike, the same ones wherever they are kept and whoever decodes them."""

from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import save_image, translation_config

from pix2pix_jax.data import Loader, load_eval_images, load_named_crops, make_sources, open_pair_folder
from pix2pix_jax.data.cache import decoded_set

DTYPES = [np.uint8, np.uint16, np.float32]


def save_pairs(root: Path, dtype: type, mixed: bool = True) -> Path:
    """Pairs of mixed sizes whose B is A mirrored in value."""
    random = np.random.default_rng(0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    for i in range(12):
        a = (random.random((9 + mixed * (i % 4), 12 + mixed * (i % 5))) * top).astype(dtype)
        extension = "npy" if dtype == np.float32 else "png"
        save_image(root / "A" / f"{i}.{extension}", a)
        save_image(root / "B" / f"{i}.{extension}", np.array(top - a))
    return root


def train_source(root: Path, preprocess: str = "crop", **changes: object):
    config = translation_config(
        root, task__input_channels=1, task__output_channels=1, data__preprocess=preprocess, **changes
    )
    return make_sources(config)[0]


def loader_of(source: object, tmp_path: Path, **kwargs: object) -> Loader:
    kwargs = {"batch_size": 16, "seed": 3, "cache": "none", "num_workers": 0} | kwargs
    return Loader(source, image_size=8, resize=10, cache_dir=str(tmp_path / "cache"), **kwargs)  # type: ignore[arg-type]


def rows(batch: jax.Array) -> np.ndarray:
    return np.asarray(batch).reshape(-1, *batch.shape[2:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("preprocess", ["crop", "resize_and_crop", "scale_width_and_crop"])
def test_crop_and_mirroring_are_alike_for_both(tmp_path, dtype, preprocess):
    loader = loader_of(train_source(save_pairs(tmp_path / "root", dtype), preprocess), tmp_path, batch_size=64)
    batch = rows(loader.batch(0))
    assert batch.shape == (64, 8, 8, 2)
    assert batch.dtype == dtype
    a, b = np.moveaxis(batch.astype(np.float64), -1, 0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    np.testing.assert_allclose(a + b, top, atol=1e-6 if dtype == np.float32 else 1)


@pytest.mark.parametrize(
    ("dtype", "preprocess"), [*((dtype, "crop") for dtype in DTYPES), (np.uint8, "scale_width"), (np.uint8, "none")]
)
def test_every_way_gives_the_same_batches(tmp_path, dtype, preprocess):
    root = save_pairs(tmp_path / "root", dtype, mixed=preprocess == "crop")
    source = train_source(root, preprocess)
    wanted = [rows(loader_of(source, tmp_path).batch(step)) for step in range(2, 5)]
    for cache, num_workers in (("host", 1), ("device", 2), ("none", 0), ("none", 2)):
        loader = loader_of(source, tmp_path, cache=cache, num_workers=num_workers)
        assert loader.cache == cache
        with loader.iterate(2) as batches:  # as a run resumed after two steps
            found = [rows(next(batches)) for _ in range(3)]
        np.testing.assert_array_equal(found, wanted)
        # Without mirroring, the rest is the same.
        upright = rows(loader_of(source, tmp_path, cache=cache, mirror=False).batch(2))
        for made, turned in zip(upright, wanted[0], strict=True):
            assert (made == turned).all() or (made == turned[:, ::-1]).all()
        assert (upright != wanted[0]).any()


def test_large_images_have_chunks_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_jax.data.cache._LARGEST_CHUNK", 500)
    source = train_source(save_pairs(tmp_path / "root", np.uint16))
    found = decoded_set(source, tmp_path / "cache", 2)
    assert found.pixels.shape[1] == 500
    wanted = rows(loader_of(source, tmp_path).batch(0))
    np.testing.assert_array_equal(rows(loader_of(source, tmp_path, cache="host").batch(0)), wanted)


def test_images_to_evaluate_on(tmp_path):
    root = save_pairs(tmp_path / "root", np.uint16)
    config = translation_config(root, task__input_channels=1, task__output_channels=1)
    held_out = make_sources(config)[1]
    assert held_out[0].shape == (8, 8, 2)  # of the size of the crops, as the authors test
    images = load_eval_images(held_out, 8, 10, 0)
    assert images.shape == (2, 8, 8, 2)
    assert images.dtype == np.uint16
    cut = tmp_path / "root" / "A" / "3.png"
    cut.write_bytes(cut.read_bytes()[:-40])
    names, images = load_named_crops(open_pair_folder(config, str(root), "--data"), 8, 10)
    assert sorted(names) == sorted(f"A/{i}.png" for i in range(12) if i != 3)
    assert len(images) == 11
