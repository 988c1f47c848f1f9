"""From a config to sources."""

from typing import Any

import pytest
from PIL import Image

from pix2pix_jax.config import Config, updated
from pix2pix_jax.data import Loader, load_eval_images, make_sources, number_trained_on, open_folder
from pix2pix_jax.errors import UserError


def config_of(source: str = "bundled", task: str = "colorization", **changes: Any) -> Config:
    values = {"task.kind": task, "data.source": source, "data.eval_fraction": 0.02}
    return updated(Config(), values | {f"data.{key}": value for key, value in changes.items()})


@pytest.mark.parametrize(("source", "counts"), [("bundled", (1000, 30)), ("folder", (4, 1))])
def test_from_a_config_to_batches(tmp_path, source, counts):
    for i in range(5):
        Image.new("RGB", (60 + i, 50), (i, i, i)).save(tmp_path / f"{i}.png")
    train, held_out = make_sources(config_of(source, **({"root": str(tmp_path)} if source == "folder" else {})))
    assert (len(train), len(held_out)) == counts
    batch = Loader(train, batch_size=8, image_size=96, resize=112, seed=0, cache="none").batch(0)
    assert batch.shape == (8, 1, 96, 96, 3)
    assert load_eval_images(held_out, 96, 112, 0).shape == (counts[1], 96, 96, 3)


@pytest.mark.parametrize(("given", "nearest"), [("bundle", "bundled"), ("tfds", "tfds:NAME"), ("pairs:x", "pairs")])
def test_unknown_source(given, nearest):
    with pytest.raises(UserError, match=rf"data.source={given} is not known: .*\(did you mean {nearest}\?\)"):
        make_sources(config_of(source=given))


def test_folder_without_root():
    with pytest.raises(UserError, match=r"give --config.data.root=DIR"):
        make_sources(config_of(source="folder"))


def test_of_a_run_whose_photographs_are_gone_nothing_is_known(tmp_path):
    for i in range(5):
        Image.new("RGB", (60 + i, 50), (i, i, i)).save(tmp_path / f"{i}.png")
    given = open_folder(str(tmp_path), "--data", shorter_side=112)
    run = config_of("folder", root=str(tmp_path))
    assert number_trained_on(run, given) == 4
    for file in tmp_path.iterdir():
        file.unlink()
    assert number_trained_on(run, given) == 0


@pytest.mark.parametrize(
    ("source", "task", "message"),
    [
        ("pairs", "colorization", "gives pairs, .* task is colorization: .*--config=configs/pix2pix.py"),
        ("stl10", "translation", "gives photographs, .* task is translation: .*--config=configs/ycrcb_rgb.py"),
    ],
)
def test_pairs_are_translated_and_photographs_coloured(source, task, message):
    with pytest.raises(UserError, match=f"data.source={source} {message}"):
        make_sources(config_of(source=source, task=task))
