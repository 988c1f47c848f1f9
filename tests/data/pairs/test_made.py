"""Pairs made of photographs: edges, blurred, masked."""

from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images, translation_config
from PIL import Image

from pix2pix_jax.data import Loader, load_eval_images, make_sources
from pix2pix_jax.data.pairs.made import blurred, edges, masked
from pix2pix_jax.errors import UserError


def opened(root: Path | str, **changes: object):
    return make_sources(translation_config(root, **changes))


def test_edges_are_black_lines_on_white_one_pixel_wide():
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, 30] = 100  # the middle of the edge, which between two pixels would be both or either
    photo[:, 31:] = 200
    lines = edges(photo, 2.0)
    assert lines.shape == (40, 60, 1)
    assert set(np.unique(lines)) == {0, 255}
    black = lines[5:-5, :, 0] == 0
    assert (black.sum(1) == 1).all()
    assert black[:, 28:32].any(1).all()


def test_blurred_keeps_the_size_and_loses_detail():
    photo = smooth_images(1, 50)[0][:, :37]
    made = blurred(photo, 4)
    assert made.shape == photo.shape
    assert np.abs(np.diff(made.astype(int), axis=0)).mean() < np.abs(np.diff(photo.astype(int), axis=0)).mean() / 2
    assert abs(made.mean() - photo.mean()) < 2


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
def test_masked_has_a_hole_whose_place_depends_on_the_index_alone(share):
    photo = np.full((80, 120, 3), 7, np.uint8)
    masks = [masked(photo, share, index)[..., 0] == 128 for index in range(20)]
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.sum() == len(rows) * len(columns)  # one rectangle
        assert mask.mean() == pytest.approx(share, rel=0.15)
    assert len({mask.tobytes() for mask in masks}) > 15
    np.testing.assert_array_equal(masked(photo, share, 3)[..., 0] == 128, masks[3])
    assert (photo == 7).all()
    # A run resumed with a newer version must go on with the pairs it would have had.
    mask = masked(np.zeros((64, 64, 3), np.uint8), 0.25, 5)[..., 0] == 128
    assert (np.flatnonzero(mask.any(1))[0], np.flatnonzero(mask.any(0))[0]) == (27, 23)


def test_what_is_kept_decoded_is_told_apart():
    made = [opened("", data__source="masked", data__mask_share=share)[0] for share in (0.2, 0.3, 0.3)]
    assert made[0].fingerprint() != made[1].fingerprint() == made[2].fingerprint()
    assert made[0].name != opened("", data__source="blurred")[0].name


@pytest.mark.parametrize(("source", "channels"), [("edges", 1), ("blurred", 3), ("masked", 3)])
def test_the_bundled_photographs_all_the_way(source, channels):
    train, held_out = opened("", data__source=source, task__input_channels=channels, image_size=96, data__resize=112)
    assert (len(train), len(held_out)) == (1000, 30)
    assert train.channels == train[7].shape[-1] == channels + 3
    batch = Loader(train, batch_size=8, image_size=96, resize=112, seed=0, cache="none").batch(0)
    assert batch.shape == (8, 1, 96, 96, channels + 3)
    assert load_eval_images(held_out, 96, 112, 2).shape == (2, 96, 96, channels + 3)


def test_a_folder_of_photographs(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for number, photo in enumerate(smooth_images(10, 40)):
        Image.fromarray(photo[:, : 20 + number]).save(root / f"{number}.png")
    (root / "empty.jpg").write_bytes(b"")
    train, held_out = opened(root, data__source="masked")
    assert (len(train), len(held_out)) == (9, 1)
    assert min(train[0].shape[:2]) == 10
    assert train.skipped == {"empty.jpg": "not an image that can be read"}
    pair = train[0]
    given, made = pair[..., :3], pair[..., 3:]
    hole = (given == 128).all(-1)
    np.testing.assert_array_equal(given[~hole], made[~hole])
    np.testing.assert_array_equal(load_eval_images(held_out, 8, 10, 0).shape, (1, 8, 8, 6))


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("edges", {}, r"task.input_channels=3, and the pairs of data.source=edges have 1: give .*input_channels=1"),
        ("masked", {"task.output_channels": 1}, r"task.output_channels=1, .* have 3"),
        ("masked", {"data.eval_root": "x"}, r"data.eval_root is given and data.root is not"),
    ],
)
def test_what_cannot_be_made(source, changes, message):
    changes = {key.replace(".", "__"): value for key, value in changes.items()}
    with pytest.raises(UserError, match=message):
        opened("", data__source=source, **changes)
