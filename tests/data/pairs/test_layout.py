"""The layouts that people have, and what is said of those that are none."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers import save_image

from pix2pix_jax.data.pairs.layout import find_parts, list_pairs
from pix2pix_jax.errors import UserError

PIXELS = np.zeros((4, 4, 3), np.uint8)


def touch(root: Path, *names: str) -> Path:
    """Makes files of no content, which are images by their names alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def pairs_of(root: Path) -> dict[str, list[tuple[str, ...]]]:
    """The files of each phase's pairs."""
    parts = find_parts(str(root), "--config.data.root")
    return {phase: list(list_pairs(part).files) for phase, part in parts.items()}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["1.jpg", "2.png"], {"": [("1.jpg",), ("2.png",)]}),
        (["train/1.jpg", "val/2.jpg"], {"train": [("train/1.jpg",)], "val": [("val/2.jpg",)]}),
        (["A/1.jpg", "B/1.png"], {"": [("A/1.jpg", "B/1.png")]}),
        (["a/1.JPG", "b/1.tif"], {"": [("a/1.JPG", "b/1.tif")]}),
        (
            ["A/train/1.png", "B/train/1.png", "A/test/2.png", "B/test/2.png"],
            {"train": [("A/train/1.png", "B/train/1.png")], "test": [("A/test/2.png", "B/test/2.png")]},
        ),
        (
            ["train/A/1.png", "train/B/1.png", "test/A/2.png", "test/B/2.png"],
            {"train": [("train/A/1.png", "train/B/1.png")], "test": [("test/A/2.png", "test/B/2.png")]},
        ),
        (
            ["trainA/1.png", "trainB/1.png", "val_a/2.png", "val_b/2.png"],
            {"train": [("trainA/1.png", "trainB/1.png")], "val": [("val_a/2.png", "val_b/2.png")]},
        ),
        (
            ["A10/1.png", "A2/1.npy", "A1/1.png", "B/1.png"],
            {"": [("A1/1.png", "A2/1.npy", "A10/1.png", "B/1.png")]},
        ),
        (["Train/1.jpg", "TEST/2.jpg"], {"train": [("Train/1.jpg",)], "test": [("TEST/2.jpg",)]}),
        (
            ["A/x/1.jpg", "B/x/1.png", "A/y/1.jpg", "B/y/1.png"],
            {"": [("A/x/1.jpg", "B/x/1.png"), ("A/y/1.jpg", "B/y/1.png")]},
        ),
        (["cats/1.jpg", "dogs/2.jpg"], {"": [("cats/1.jpg",), ("dogs/2.jpg",)]}),
        (
            ["x/1.jpg", "x/2.jpg", "x/3.jpg", "y/3.jpg", "y/4.jpg", "y/5.jpg"],
            {"": [("x/1.jpg",), ("x/2.jpg",), ("x/3.jpg",), ("y/3.jpg",), ("y/4.jpg",), ("y/5.jpg",)]},
        ),
        (
            ["A_train/1.png", "B_train/1.png", "a-valid/2.png", "b-valid/2.png"],
            {"train": [("A_train/1.png", "B_train/1.png")], "val": [("a-valid/2.png", "b-valid/2.png")]},
        ),
        (["train/1.jpg", "validation/2.jpg"], {"train": [("train/1.jpg",)], "val": [("validation/2.jpg",)]}),
        (
            ["A/train/1.png", "B/train/1.png", "A/valid/2.png", "B/valid/2.png"],
            {"train": [("A/train/1.png", "B/train/1.png")], "val": [("A/valid/2.png", "B/valid/2.png")]},
        ),
        (["validA/1.png", "validB/1.png"], {"val": [("validA/1.png", "validB/1.png")]}),
        (["A/e\u0301.png", "B/\u00e9.jpg"], {"": [("A/e\u0301.png", "B/\u00e9.jpg")]}),
        (
            ["A/ein Bild.jpg", "B/ein Bild.png", "A/ü日本.v2.png", "B/ü日本.v2.png"],
            {"": [("A/ein Bild.jpg", "B/ein Bild.png"), ("A/ü日本.v2.png", "B/ü日本.v2.png")]},
        ),
    ],
)
def test_layouts(tmp_path: Path, names: list[str], wanted: dict) -> None:
    assert pairs_of(touch(tmp_path, *names)) == wanted


def test_what_is_hidden_or_no_image_is_left_alone(tmp_path: Path) -> None:
    names = [".DS_Store", "Thumbs.db", "._1.jpg", "notes.txt", ".git/1.jpg"]
    touch(tmp_path, "A/1.jpg", "B/1.jpg", *names, *[f"A/{name}" for name in names], *[f"B/{name}" for name in names])
    assert pairs_of(tmp_path) == {"": [("A/1.jpg", "B/1.jpg")]}


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "far/photos/1.jpg", "far/drawings/1.png", "root/other/2.jpg")
    (tmp_path / "root/A").symlink_to(tmp_path / "far/photos")
    (tmp_path / "root/B").symlink_to(tmp_path / "far/drawings")
    assert pairs_of(tmp_path / "root") == {"": [("A/1.jpg", "B/1.png")]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["A/1.jpg"], "holds A and no B: add the folder B"),
        (["trainB/1.jpg"], "holds trainB and no trainA"),
        (["A_train/1.jpg"], "holds A_train and no B_train: add the folder B_train"),
        (["A1/1.jpg", "A2/1.jpg"], "holds A1 and no B: add"),
        (["A/valid/1.jpg", "B/1.jpg"], "holds A/valid and no B/valid: add the folder B/valid"),
        (["images/1.jpg", "labels/1.png"], "holds the folders images and labels, whose .* the same names: .* A and B;"),
        (["images/1.jpg", "images/2.jpg", "labels/1.png"], "folders images and labels, whose"),
        (["train/images/x/1.jpg", "train/masks/x/1.png"], "folders train/images and train/masks, whose"),
        (["images/train/1.jpg", "labels/train/1.png"], "folders images and labels, whose"),
        (["set/images/1.jpg", "set/labels/1.png"], "folders set/images and set/labels, whose"),
        (["data/A/1.jpg", "data/B/1.png"], "folders data/A and data/B, whose .*: give the folder data within it"),
        (["Train/1.jpg", "train/2.jpg"], "holds both Train and train: remove one"),
        (["A/val/1.jpg", "A/valid/1.jpg", "B/val/1.jpg"], "A holds both val and valid: remove one"),
        (["train/A/1.jpg"], "holds A and no B"),
        (["A/train/1.jpg", "B/1.jpg"], "holds A/train and no B/train"),
        (["A/1.jpg", "A1/1.jpg", "B/1.jpg"], "holds A, A1: name the folders A1, A2"),
        (["A/1.jpg", "a/1.jpg", "B/1.jpg"], "holds both A and a: remove one"),
        (["A/1.jpg", "B/1.jpg", "1.jpg", "2.jpg"], r"holds the folders A, B and 2 images \(1.jpg, 2.jpg\): it is not"),
        (["A/1.jpg", "B/1.jpg", "train/1.jpg"], "holds the folders A, B and the folder train"),
        (["A/1.jpg", "B/1.jpg", "trainA/1.jpg", "trainB/1.jpg"], "holds A, B, trainA, trainB: keep either"),
        (["train/1.jpg", "2.jpg"], r"holds the folder train and 1 image \(2.jpg\)"),
        (["train/val/1.jpg"], "holds phases within the phase train"),
        (
            ["A/train/1.jpg", "B/train/1.jpg", "A/2.jpg"],
            r"A holds the folders train and 1 images \(2.jpg\): move the images",
        ),
        (["A/1.jpg", "A/2.jpg", "B/1.jpg"], r"A/2.jpg has no partner in B: .*wanted B/2\.\*"),
        (["A/1.jpg", *[f"B/{i}.jpg" for i in range(9)]], "B/0.jpg has no partner in A, and 7 others have none"),
        (["A1/1.jpg", "A2/2.jpg", "B/1.jpg"], "A1/1.jpg has no partner in A2, and 1 other has none: "),
        (["A/Cat.png", "B/cat.png"], "A/Cat.png has no partner in B, .*B/cat.png differs in capital letters: rename"),
        (["A/x/1.jpg", "B/1.jpg"], "B/1.jpg has no partner in A"),
        (["A/1.jpg", "A/1.png", "B/1.jpg"], "A/1.jpg and A/1.png have one name but for the extension"),
        (["1.jpg", "1.png"], "1.jpg and 1.png have one name but for the extension"),
    ],
)
def test_what_makes_no_pairs_is_named(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        pairs_of(touch(tmp_path, *names))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["A/1.jpg", "B/1.jpg", "C/1.jpg", "notes/x.txt"], r"not used: C \(used: A, B\)"),
        (["train/1.jpg", "val/1.jpg", "more/1.jpg"], r"not used: more \(used: train, val\)"),
        (["A/train/1.jpg", "B/train/1.jpg", "A/old/2.jpg"], r"not used: A/old \(used: train\)"),
        (["train/A/1.jpg", "train/B/1.jpg", "train/C/1.jpg"], r"not used: train/C \(used: A, B\)"),
    ],
)
def test_folders_that_are_not_used_are_named(tmp_path: Path, names: list[str], message: str, caplog) -> None:
    pairs_of(touch(tmp_path, *names))
    assert len(caplog.records) == 1
    assert re.search(message, caplog.text)


def test_missing_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--config.data.root=.*nowhere: there is no such folder"):
        find_parts(str(tmp_path / "nowhere"), "--config.data.root")
    file = save_image(tmp_path / "x.png", PIXELS)
    with pytest.raises(UserError, match=re.escape("x.png is a file; give the folder that holds the pairs")):
        find_parts(str(file), "--config.data.root")


def test_a_folder_to_leave_out(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "more/2.jpg", "test/3.jpg")
    parts = find_parts(str(tmp_path), "--config.data.root", exclude=tmp_path / "test")
    assert list_pairs(parts[""], exclude=tmp_path / "test").files == (("1.jpg",), ("more/2.jpg",))
