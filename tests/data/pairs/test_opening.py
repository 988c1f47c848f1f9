"""From a folder of pairs to sources: what is held out, what is converted, and what is refused in one line."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers import save_image, translation_config
from pair_folders import SIZE, levels, opened, pixels, save_pairs

from pix2pix_jax.data import make_sources
from pix2pix_jax.errors import UserError


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.mark.parametrize(("direction", "wanted"), [("AtoB", [3, 3, 3, 103, 103, 103]), ("BtoA", [103] * 3 + [3] * 3)])
def test_direction(root, direction, wanted):
    train, _ = opened(save_pairs(root), data__direction=direction)
    assert train.channels == 6
    assert train.dtype == np.uint8
    assert wanted in levels(train)


def test_both_halves_of_one_image(root, caplog):
    for i in range(3):
        wide = np.concatenate([pixels(i), pixels(100 + i), pixels(9, size=(SIZE[0], 1))], 1)
        save_image(root / "wide" / f"{i}.png", wide)  # of an odd width, the last column is left out
    train, held_out = opened(root / "wide", data__preprocess="none")
    assert sorted(levels(train) + levels(held_out)) == [[i] * 3 + [100 + i] * 3 for i in range(3)]
    assert train.crop == SIZE
    assert train.found["task.joined_aspect"] == 2 * SIZE[1] / SIZE[0]
    assert train.remark == held_out.remark == "each A|B side by side"
    assert not caplog.records
    assert opened(save_pairs(root / "two"))[0].remark == ""


def test_several_inputs(root):
    for i in range(4):
        save_image(root / "A1" / f"{i}.png", pixels(i, 1))
        save_image(root / "A2" / f"{i}.png", pixels(50 + i))
        save_image(root / "B" / f"{i}.png", pixels(100 + i, 1))
    train, _ = opened(root, task__input_channels=4, task__output_channels=1)
    assert all(pair == [pair[0], *[pair[0] + 50] * 3, pair[0] + 100] for pair in levels(train))
    back, _ = opened(root, task__input_channels=1, task__output_channels=4, data__direction="BtoA")
    assert all(pair == [pair[1] + 100, pair[1], *[pair[1] + 50] * 3] for pair in levels(back))
    assert train.found["task.input_split"] == "1+3"
    for channels in (2, 6):  # all grey, all coloured
        train, _ = opened(root, task__input_channels=channels)
        assert len(train[0][0, 0]) == channels + 3
    several = r"A1/\d.png has 1 channel .*A2/\d.png has 3 channels"
    with pytest.raises(UserError, match=rf"{several}.*input_split=2\+2.*input_channels=4"):
        opened(root, task__input_channels=4, task__output_channels=1, task__input_split="2+2")
    with pytest.raises(UserError, match=rf"{several}.*input_channels=5: .*input_channels=4"):
        opened(root, task__input_channels=5)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_the_depth_of_what_is_made_is_found(root, direction):
    for i in range(2):
        save_image(root / "A" / f"{i}.png", pixels(i))
        save_image(root / "B" / f"{i}.png", pixels(i, 1, np.uint16))
    channels = {"task__input_channels": 1} if direction == "BtoA" else {"task__output_channels": 1}
    train, _ = opened(root, data__direction=direction, **channels)
    assert train.found == {"task.output_depth": "uint16" if direction == "AtoB" else "uint8"}
    train, _ = opened(root, data__direction=direction, task__output_depth="float32", **channels)
    assert train.found == {}


def test_a_fraction_is_held_out_by_the_checksum_of_the_name(root):
    train, held_out = opened(save_pairs(root), data__eval_fraction=0.3)
    assert held_out.files == ("A/2.png", "A/6.png", "A/7.png")
    assert train.files == tuple(f"A/{i}.png" for i in (0, 1, 3, 4, 5, 8, 9))


@pytest.mark.parametrize(
    ("phases", "evaluated"), [(("train", "val"), "val"), (("train", "test"), "test"), (("train", "val", "test"), "val")]
)
def test_folders_of_phases(root, phases, evaluated):
    for phase in phases:
        save_pairs(root, 3, f"A/{phase}", f"B/{phase}")
    train, held_out = opened(root)
    assert train.files == tuple(f"A/train/{i}.png" for i in range(3))
    assert sorted(held_out.files) == [f"A/{evaluated}/{i}.png" for i in range(3)]


def test_eval_root(root):
    for name in ("1", "2", "x/3", "test/4", "more/5"):
        save_image(root / f"{name}.png", pixels(9, size=(12, 24)))
    train, held_out = opened(root, data__eval_root=str(root / "test"))
    assert train.files == ("1.png", "2.png", "more/5.png", "x/3.png")
    assert held_out.files == ("4.png",)
    train, held_out = opened(root / "more", data__eval_root=str(root / "test"))
    assert (train.files, held_out.files) == (("5.png",), ("4.png",))
    with pytest.raises(UserError, match=r"share .*more/5.png"):
        opened(root / "more", data__eval_root=str(root / "more"))


def test_nothing_to_train_on(root):
    save_pairs(root, 2, "val/A", "val/B")
    with pytest.raises(UserError, match=r"holds val, and no train"):
        opened(root)
    with pytest.raises(UserError, match=r"holding out 1 of its 1 pairs"):
        opened(save_pairs(root.parent / "one", 1))
    with pytest.raises(UserError, match=r"data.eval_fraction=0.0"):
        opened(save_pairs(root.parent / "two", 2), data__eval_fraction=0.0)


def cut_short(path: Path) -> None:
    """Puts an image there whose data end too early."""
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    path.write_bytes(save_image(path, noise).read_bytes()[:-100])


def test_pairs_with_an_unreadable_file_are_passed_over(root, caplog):
    save_pairs(root, 5)
    (root / "A" / "2.png").write_text("not an image")
    (root / "B" / "3.bmp").write_bytes(b"")
    train, held_out = opened(root)
    assert sorted(train.files + held_out.files) == ["A/0.png", "A/1.png", "A/4.png"]
    assert sorted(train.skipped) == ["A/2.png", "B/3.bmp"]
    assert str(root / "A/2.png") in caplog.text


def test_a_damaged_file_has_a_stand_in_and_is_named_once(root, tmp_path, caplog):
    save_pairs(root, 3)
    cut_short(root / "A" / "0.png")
    cut_short(root / "B" / "1.bmp")
    train, _ = opened(root, data__eval_root=str(save_pairs(tmp_path / "other", 1)))
    for _ in range(2):
        np.testing.assert_array_equal(train[0], train[2])
        np.testing.assert_array_equal(train[1], train[2])
    assert list(train.skipped) == ["A/0.png", "A/1.png"]  # pairs, by the names of their first files
    _, second = caplog.messages
    assert "B/1.bmp" in second
    cut_short(root / "A" / "2.png")
    with pytest.raises(UserError, match=r"not one of 3 .*A/0.png"):
        opened(root, data__eval_root=str(tmp_path / "other"))[0][0]


def test_no_pairs(root):
    root.mkdir()
    with pytest.raises(UserError, match=rf"--config.data.root={root} holds no images"):
        opened(root)
    for name in ("A/1.png", "B/1.png"):
        save_image(root / name, pixels(0)).write_bytes(b"")
    with pytest.raises(UserError, match=r"--config.data.root=.*can be read.*A/1.png, B/1.png"):
        opened(root)
    with pytest.raises(UserError, match=r"give --config.data.root=DIR"):
        make_sources(translation_config())


def test_training_and_evaluation_laid_out_in_two_ways(root, tmp_path):
    save_pairs(root, 2)
    save_image(tmp_path / "other" / "1.png", pixels(0))
    with pytest.raises(UserError, match=r"holds A, B and .*other AB: .*laid out alike"):
        opened(root, data__eval_root=str(tmp_path / "other"))


def test_names_and_fingerprints(root):
    save_pairs(root)
    first, same = opened(root)[0], opened(root)[0]
    assert (first.name, first.fingerprint()) == (same.name, same.fingerprint())
    for change in ({"data__direction": "BtoA"}, {"data__preprocess": "crop"}, {"data__resize": 11}):
        assert opened(root, **change)[0].name != first.name
    assert opened(root, data__input_interpolation="nearest")[0].fingerprint() != first.fingerprint()
    before = first.fingerprint()
    os.utime(root / "B" / "1.bmp", (1, 1))
    assert opened(root)[0].fingerprint() != before
