"""From a config to sources."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pix2pix_jax.config import Config, updated
from pix2pix_jax.data import Loader, load_eval_images, make_sources
from pix2pix_jax.errors import UserError


def config_of(source: str = "bundled", task: str = "colorization", **changes: Any) -> Config:
    values = {"task.kind": task, "data.source": source, "data.eval_fraction": 0.02}
    return updated(Config(), values | {f"data.{key}": value for key, value in changes.items()})


@pytest.mark.parametrize(("source", "counts"), [("bundled", (1000, 30)), ("folder", (4, 1))])
def test_from_a_config_to_batches(tmp_path: Path, source: str, counts: tuple[int, int]) -> None:
    for i in range(5):
        Image.new("RGB", (60 + i, 50), (i, i, i)).save(tmp_path / f"{i}.png")
    train, held_out = make_sources(config_of(source, **({"root": str(tmp_path)} if source == "folder" else {})))
    assert (len(train), len(held_out)) == counts
    batch = Loader(train, batch_size=8, image_size=96, resize=112, seed=0, cache="none").batch(0)
    assert batch.shape == (8, 1, 96, 96, 3)
    assert load_eval_images(held_out, 96, 112, 0).shape == (counts[1], 96, 96, 3)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("bundle", "bundled"),
        ("stl-10", "stl10"),
        ("tfds", "tfds:NAME"),
        ("stl10:x", "stl10"),
        ("edge", "edges"),
        ("pairs:x", "pairs"),
    ],
)
def test_unknown_source(given: str, nearest: str) -> None:
    with pytest.raises(UserError, match=rf"data.source={given} is not known: .*\(did you mean {nearest}\?\)"):
        make_sources(config_of(source=given))


def test_folder_without_root() -> None:
    with pytest.raises(UserError, match=r"give --config.data.root=DIR"):
        make_sources(config_of(source="folder"))


@pytest.mark.parametrize(
    ("source", "key", "value", "wanted"),
    [
        ("bundled", "root", "given", "folder"),
        ("tfds:cats", "eval_root", "given", "folder"),
        ("folder", "split", "given", "tfds:NAME"),
        ("bundled", "tfds_dir", "given", "tfds:NAME"),
        ("bundled", "direction", "BtoA", "pairs"),
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


@pytest.mark.parametrize(
    ("source", "task", "message"),
    [
        ("pairs", "colorization", "gives pairs, and the task is colorization: use --config=configs/pix2pix.py"),
        ("masked", "lab_colorization", "gives pairs, and the task is lab_colorization"),
        ("stl10", "translation", "gives photographs, and the task is translation: give --config.data.source=pairs"),
    ],
)
def test_pairs_are_translated_and_photographs_coloured(source: str, task: str, message: str) -> None:
    with pytest.raises(UserError, match=f"data.source={source} {message}"):
        make_sources(config_of(source=source, task=task))
