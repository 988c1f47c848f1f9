"""From a config to sources."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pix2pix_jax.config import Config, updated
from pix2pix_jax.data import FolderSource, Loader, load_eval_images, make_sources
from pix2pix_jax.errors import UserError


def config_of(source: str = "bundled", task: str = "colorization", **changes: Any) -> Config:
    values = {"task.kind": task, "data.source": source, "data.eval_fraction": 0.02}
    return updated(Config(), values | {f"data.{key}": value for key, value in changes.items()})


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
        ("pair", "pairs"),
        ("edge", "edges"),
        ("pairs:x", "pairs"),
    ],
)
def test_unknown_source(given: str, nearest: str) -> None:
    with pytest.raises(UserError, match=rf'data.source="{given}" is not known; did you mean "({nearest})"'):
        make_sources(config_of(source=given))


def test_folder_without_root() -> None:
    with pytest.raises(UserError, match=r"give --config.data.root=DIR"):
        make_sources(config_of(source="folder"))


@pytest.mark.parametrize(
    ("source", "key", "value", "wanted"),
    [
        ("bundled", "root", "given", "folder"),
        ("stl10", "eval_root", "given", "folder"),
        ("tfds:cats", "root", "given", "folder"),
        ("folder", "split", "given", "tfds:NAME"),
        ("bundled", "tfds_dir", "given", "tfds:NAME"),
        ("bundled", "direction", "BtoA", "pairs"),
        ("folder", "preprocess", "none", "pairs"),
        ("stl10", "output_interpolation", "nearest", "pairs"),
        ("edges", "float_max", 2.0, "pairs"),
        ("pairs", "edge_sigma", 1.0, "edges"),
        ("edges", "blur_factor", 2, "blurred"),
        ("folder", "mask_share", 0.5, "masked"),
    ],
)
def test_a_key_of_another_source(source: str, key: str, value: object, wanted: str) -> None:
    message = rf"data.{key}={value} is not read with data.source={source}: give --config.data.source={wanted} too"
    with pytest.raises(UserError, match=message):
        make_sources(config_of(source=source, **{key: value}))


@pytest.mark.parametrize("source", ["pairs", "edges", "blurred", "masked"])
@pytest.mark.parametrize("task", ["colorization", "lab_colorization"])
def test_pairs_are_not_coloured(source: str, task: str) -> None:
    message = rf"data.source={source} gives pairs, and the task is {task}: use --config=configs/pix2pix.py"
    with pytest.raises(UserError, match=message):
        make_sources(config_of(source=source, task=task))


@pytest.mark.parametrize("source", ["stl10", "folder"])
def test_photographs_are_not_translated(source: str) -> None:
    message = rf"data.source={source} gives photographs, and the task is translation: give --config.data.source=pairs"
    with pytest.raises(UserError, match=message):
        make_sources(config_of(source=source, task="translation"))
