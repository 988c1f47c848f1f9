"""The layouts that people have, and what is said of those that are none."""

from pathlib import Path

import pytest

from pix2pix_jax.data.pairs.layout import find_parts, list_pairs
from pix2pix_jax.errors import UserError


def touch(root: Path, *names: str) -> Path:
    """Makes files of no content, which are images by their names alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def pairs_of(root: Path) -> dict[str, list[tuple[str, ...]]]:
    """The files of each phase's pairs."""
    parts = find_parts(str(root), "--config.data.root")
    return {phase: list(list_pairs(part)[1].values()) for phase, part in parts.items()}


@pytest.mark.parametrize(
    "layout",
    [
        {"": "1.jpg | 2.png"},
        {"train": "train/1.jpg", "val": "val/2.jpg"},
        {"train": "Train/1.jpg", "val": "validation/2.JPG"},
        {"": "A/1.jpg B/1.png"},
        {"": "A/x/1.jpg B/x/1.png | A/y/1.jpg B/y/1.png"},
        {"": "A/\u65e5e\u0301.v2.png B/\u65e5\u00e9.v2.jpg"},
        {"": "A1/1.png A2/1.npy A10/1.png B/1.png"},
        {"": "x/1.jpg | x/2.jpg | x/3.jpg | y/3.jpg | y/4.jpg | y/5.jpg"},
        {"train": "train/A/1.png train/B/1.png", "test": "test/A/2.png test/B/2.png"},
        {"train": "A/train/1.png B/train/1.png", "test": "A/test/2.png B/test/2.png"},
        {"train": "trainA/1.png trainB/1.png", "val": "val_a/2.png val_b/2.png"},
        {"train": "A_train/1.png B_train/1.png", "val": "a-valid/2.png b-valid/2.png"},
    ],
)
def test_layouts(tmp_path, layout):
    wanted = {phase: [tuple(pair.split()) for pair in pairs.split(" | ")] for phase, pairs in layout.items()}
    names = [name for pairs in wanted.values() for pair in pairs for name in pair]
    assert pairs_of(touch(tmp_path, *names)) == wanted


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["A/1.jpg"], ["A", "no folder for B"]),
        (["A1/1.jpg", "A2/1.jpg"], ["A1, A2", "no folder for B"]),
        (["train/A/1.jpg"], ["train/A", "no folder for B"]),
        # The two sides in folders of other names, and folders that lie too deep.
        (["images/1.jpg", "labels/1.png"], ["images and labels", "A and B"]),
        (["train/images/x/1.jpg", "train/masks/x/1.png"], ["images/x and masks/x"]),
        (["data/A/1.jpg", "data/B/1.png"], ["data/A/1.jpg", "give the folder"]),
        (["train/val/1.jpg"], ["train/val/1.jpg"]),
        # Two layouts at once.
        (["A/1.jpg", "B/1.jpg", "train/1.jpg"], ["A, B", "train/1.jpg"]),
        (["train/A/1.jpg", "train/B/1.jpg", "val/1.jpg"], ["train/A, train/B", "val/1.jpg"]),
        # Partners.
        (["A/1.jpg", "A/2.jpg", "B/1.jpg"], ["A/2.jpg", "B/2.*"]),
        (["A/Cat.png", "B/cat.png"], ["A/Cat.png", "B/Cat.*", "capital"]),
        (["A/1.jpg", *[f"B/{i}.jpg" for i in range(9)]], ["B/0.jpg", "A/0.*", ": 8"]),
        (["A1/1.jpg", "A2/2.jpg", "B/1.jpg"], ["A1/1.jpg", "A2/1.*", ": 2"]),
        (["A/x/1.jpg", "B/1.jpg"], ["B/1.jpg", "A/1.*"]),
        (["A/1.jpg", "A/1.png", "B/1.jpg"], ["A/1.jpg and A/1.png"]),
        (["1.jpg", "1.png"], ["1.jpg and 1.png"]),
    ],
)
def test_what_makes_no_pairs_is_named(tmp_path, names, named):
    with pytest.raises(UserError) as caught:
        pairs_of(touch(tmp_path, *names))
    for name in (str(tmp_path), *named):
        assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "unused", "used"),
    [
        (["A/1.jpg", "B/1.jpg", "C/1.jpg", "notes/x.txt"], "C/1.jpg", "A, B"),
        (["A/1.jpg", "B/1.jpg", "1.jpg"], "1.jpg", "A, B"),
        (["train/1.jpg", "val/1.jpg", "more/1.jpg"], "more/1.jpg", "train, val"),
        (["A/train/1.jpg", "B/train/1.jpg", "A/old/2.jpg"], "A/old/2.jpg", "A/train, B/train"),
        (["train/A/1.jpg", "train/B/1.jpg", "train/C/1.jpg"], "train/C/1.jpg", "train/A, train/B"),
        (["A/1.jpg", "B/1.jpg", "trainA/2.jpg", "trainB/2.jpg"], "A/1.jpg, B/1.jpg", "trainA, trainB"),
    ],
)
def test_images_that_are_not_used_are_named(tmp_path, names, unused, used, caplog):
    pairs = pairs_of(touch(tmp_path, *names)).values()
    (message,) = caplog.messages
    assert f": {unused} " in message
    assert used in message
    assert not set(unused.split(", ")).intersection(file for phase in pairs for files in phase for file in files)
