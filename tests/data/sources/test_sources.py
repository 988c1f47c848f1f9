"""From a config to sources."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pix2pix_jax.config import DataConfig
from pix2pix_jax.data import FolderSource, Loader, load_eval_images, make_sources
from pix2pix_jax.errors import UserError


def config_of(source: str = "bundled", **changes: Any) -> DataConfig:
    return DataConfig(source=source, eval_fraction=0.02, **changes)


def test_bundled_all_the_way() -> None:
    train, held_out = make_sources(config_of())
    batch = Loader(train, batch_size=8, image_size=96, resize=112, seed=0, cache="none").batch(0)
    assert batch.shape == (8, 1, 96, 96, 3)
    assert load_eval_images(held_out, 96, 112, 0).shape == (30, 96, 96, 3)


def test_folder_all_the_way(tmp_path: Path) -> None:
    for i in range(5):
        Image.new("RGB", (60 + i, 50), (i, i, i)).save(tmp_path / f"{i}.png")
    train, held_out = make_sources(config_of(source="folder", root=str(tmp_path)))
    assert isinstance(train, FolderSource)
    assert (len(train), len(held_out)) == (4, 1)
    batch = Loader(train, batch_size=8, image_size=96, resize=112, seed=0, cache="none").batch(0)
    assert batch.shape == (8, 1, 96, 96, 3)
    assert load_eval_images(held_out, 96, 112, 1).shape == (1, 96, 96, 3)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("bundle", "bundled"),
        ("foldr", "folder"),
        ("stl-10", "stl10"),
        ("tfds", "tfds:NAME"),
        ("tfds:", "tfds:NAME"),
        ("stl10:x", "stl10"),
    ],
)
def test_unknown_source(given: str, nearest: str) -> None:
    with pytest.raises(UserError, match=rf'data.source="{given}" is not known; did you mean "({nearest})"'):
        make_sources(config_of(source=given))


def test_folder_without_root() -> None:
    with pytest.raises(UserError, match=r"give --config.data.root=DIR"):
        make_sources(config_of(source="folder"))


@pytest.mark.parametrize(
    ("source", "key", "wanted"),
    [
        ("bundled", "root", "folder"),
        ("stl10", "eval_root", "folder"),
        ("tfds:cats", "root", "folder"),
        ("folder", "split", "tfds:NAME"),
        ("bundled", "tfds_dir", "tfds:NAME"),
    ],
)
def test_a_key_of_another_source(source: str, key: str, wanted: str) -> None:
    message = rf"data.{key}=given is not read with data.source={source}: give --config.data.source={wanted} too"
    with pytest.raises(UserError, match=message):
        make_sources(config_of(source=source, **{key: "given"}))
