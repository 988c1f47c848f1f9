"""Sets of TFDS, splits and fractions that cannot be used: one line each."""

import json
import shutil

import pytest
from tfds_sets import refusal

from pix2pix_jax.data.sources.tfds import open_tfds
from pix2pix_jax.errors import UserError


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("cats_vs_dog", "(did you mean cats_vs_dogs"),
        ("holiday", "(did you mean holidays"),
        ("pix2pix_train_only/smal", "smal"),
        ("../pix2pix_photos", ""),
    ],
)
def test_unknown_set(tmp_path, given, named):
    (tmp_path / "holidays").mkdir()
    message = refusal(given, tmp_path)
    assert f"--config.data.source=tfds:{given} cannot be opened" in message
    assert named in message


@pytest.mark.parametrize("split", ["trian[:90%]", "train[", "train[:41]"])
def test_what_is_no_split(prepared, split):
    for flag, message in {
        "--config.data.split": refusal("pix2pix_photos", prepared, split=split),
        "--config.data.eval_split": refusal("pix2pix_photos", prepared, eval_split=split),
    }.items():
        assert f"{flag}={split} is not a split" in message
        assert "train, test" in message
    assert "--config.data.split=train[:1%] holds no photographs" in refusal("pix2pix_photos", prepared, "train[:1%]")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, 0.99])
def test_fraction_that_leaves_nothing_to_train_or_evaluate_on(prepared, fraction):
    message = refusal("pix2pix_train_only/small", prepared, eval_fraction=fraction)
    assert f"data.eval_fraction={fraction}" in message
    assert "--config.data.eval_split" in message


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("grey", "image (uint8 (None, None, 1))"),
        ("deep", "image (uint16"),
        ("moving", "image (uint8 (None, None, None, 3))"),
        ("none", "no image"),
        ("two", "left (uint8 (None, None, 3)), right"),
    ],
)
def test_sets_without_colour_photographs(prepared, config, reason):
    message = refusal(f"pix2pix_odd/{config}", prepared)
    assert f"--config.data.source=tfds:pix2pix_odd/{config} holds {reason}" in message


def test_a_set_of_no_use_is_refused_before_it_is_fetched(tmp_path):
    with pytest.raises(UserError, match="in colour"):
        open_tfds("pix2pix_odd/grey", "", "", 0.1, tfds_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_record_that_is_no_image(prepared):
    train, _ = open_tfds("pix2pix_odd/broken", "", "", 0.1, tfds_dir=str(prepared))
    with pytest.raises(UserError, match=r"^pix2pix_odd/broken/1.2.0 train: image 3 cannot be decoded"):
        train[3]


def test_preparing_needs_tensorflow(tmp_path):
    message = refusal("pix2pix_needs_tensorflow", tmp_path)
    assert "--config.data.source=tfds:pix2pix_needs_tensorflow could not be prepared" in message
    assert "No module named 'tensorflow'" in message
    assert f"tfds.builder('pix2pix_needs_tensorflow', data_dir='{tmp_path}').download_and_prepare(" in message
    assert "--config.data.tfds_dir=DIR" in message


def test_prepared_for_tensorflow_only(prepared, tmp_path):
    copy = shutil.copytree(prepared / "pix2pix_photos", tmp_path / "pix2pix_photos") / "1.2.0"
    info = json.loads((copy / "dataset_info.json").read_text())
    (copy / "dataset_info.json").write_text(json.dumps({**info, "fileFormat": "tfrecord"}))
    message = refusal("pix2pix_photos", tmp_path)
    assert f"{copy} cannot be read" in message
    assert f"`tfds convert_format --dataset_version_dir={copy} --out_file_format=array_record`" in message
