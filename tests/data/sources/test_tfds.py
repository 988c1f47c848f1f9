"""Sets of TFDS: small ones, really prepared, and read without TensorFlow."""

import io
import json
import multiprocessing
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from pix2pix_jax.data.sources import tfds as source_module
from pix2pix_jax.data.sources.base import ImageSource
from pix2pix_jax.data.sources.tfds import TfdsSource, open_tfds
from pix2pix_jax.errors import UserError

TRAIN, TEST = 40, 12


def photograph(split: str, number: int) -> Image.Image:
    """Photographs of their own size each: every fifth grey, every seventh with transparency."""
    random = np.random.RandomState(number + (1000 if split != "train" else 0))
    height, width = 8 + number % 4, 9 + number
    if number % 5 == 0:
        return Image.fromarray(random.randint(0, 256, (height, width), np.uint8))
    channels = 4 if number % 7 == 0 else 3
    return Image.fromarray(random.randint(0, 256, (height, width, channels), np.uint8))


def as_rgb(image: Image.Image) -> np.ndarray:
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))


def png(image: Image.Image) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    buffer.seek(0)
    return buffer


class Pix2pixPhotos(tfds.core.GeneratorBasedBuilder):
    """Photographs of mixed sizes, in two splits."""

    VERSION = tfds.core.Version("1.2.0")

    def features(self) -> dict[str, Any]:
        return {"image": tfds.features.Image(), "number": np.int64}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self.features()))

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples("train", TRAIN), "test": self._generate_examples("test", TEST)}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in range(count):
            yield number, {"image": png(photograph(split, number)), "number": number}


class Pix2pixTrainOnly(Pix2pixPhotos):
    """One split, its image under another name, and a mask beside it; two configs."""

    BUILDER_CONFIGS: ClassVar = [tfds.core.BuilderConfig(name=name, version="2.0.0") for name in ("large", "small")]

    def features(self) -> dict[str, Any]:
        return {"photo": tfds.features.Image(), "mask": tfds.features.LabeledImage(labels=3, shape=(None, None, 1))}

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples("train", TRAIN)}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in range(count):
            yield number, {"photo": png(photograph(split, number)), "mask": png(Image.new("L", (4, 4)))}


class Pix2pixValidation(Pix2pixPhotos):
    """Validation rather than test."""

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {
            "train": self._generate_examples("train", TRAIN),
            "validation": self._generate_examples("validation", TEST),
        }


class Pix2pixOdd(Pix2pixPhotos):
    """What cannot be used, each in a config."""

    FEATURES: ClassVar = {
        "grey": {"image": tfds.features.Image(shape=(None, None, 1))},
        "deep": {"image": tfds.features.Image(dtype=np.uint16, encoding_format="png")},
        "moving": {"image": tfds.features.Image(shape=(None, None, None, 3))},
        "none": {"number": np.int64},
        "two": {"left": tfds.features.Image(), "right": tfds.features.Image()},
        "broken": {"image": tfds.features.Image()},
    }
    BUILDER_CONFIGS: ClassVar = [tfds.core.BuilderConfig(name=name) for name in FEATURES]

    def features(self) -> dict[str, Any]:
        return self.FEATURES[self.builder_config.name]

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in range(count):
            content = b"no image" if self.builder_config.name == "broken" else png(photograph(split, 0)).getvalue()
            yield number, {name: number if name == "number" else io.BytesIO(content) for name in self.features()}


class Pix2pixNeedsTensorflow(Pix2pixPhotos):
    """As many builders of TFDS do, this one reads its files with TensorFlow's functions."""

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")


class Pix2pixByHand(Pix2pixPhotos):
    """A set whose files the user has to fetch."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors."

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples(dl_manager.manual_dir, 1)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of prepared sets."""
    folder = tmp_path_factory.mktemp("sets")
    for builder in (
        Pix2pixPhotos(data_dir=folder),
        Pix2pixTrainOnly(data_dir=folder, config="small"),
        Pix2pixValidation(data_dir=folder),
        *(Pix2pixOdd(data_dir=folder, config=config) for config in Pix2pixOdd.FEATURES),
    ):
        builder.download_and_prepare(file_format="array_record")
    return folder


def numbers_of(source: TfdsSource, split: str = "train") -> list[int]:
    """Which photographs a source shows, each compared pixel by pixel."""
    # Each photograph of a split has a width of its own.
    numbers = [source[i].shape[1] - 9 for i in range(len(source))]
    for i, number in enumerate(numbers):
        assert source[i].dtype == np.uint8
        np.testing.assert_array_equal(source[i], as_rgb(photograph(split, number)))
    return numbers


def no_note(line: str) -> None:
    raise AssertionError(line)


def refusal(dataset: str, folder: Path, split: str = "", eval_split: str = "", eval_fraction: float = 0.1) -> str:
    """The error's text, which is one line."""
    with pytest.raises(UserError) as error:
        open_tfds(dataset, split, eval_split, eval_fraction, tfds_dir=str(folder), notify=lambda line: None)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_photograph_of_a_split_in_rgb(prepared: Path) -> None:
    train, held_out = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared), notify=no_note)
    source: ImageSource = train
    assert source.name == "pix2pix_photos"
    assert sorted(numbers_of(train)) == list(range(TRAIN))
    assert sorted(numbers_of(held_out, "test")) == list(range(TEST))


def test_grey_photographs_are_kept_grey(prepared: Path) -> None:
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    grey = [image for image in (train[i] for i in range(TRAIN)) if (image[..., :1] == image).all()]
    assert len(grey) == TRAIN / 5
    assert all(image.shape[2] == 3 for image in grey)


def test_judged_on_in_an_order_as_good_as_random(prepared: Path) -> None:
    _, held_out = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    as_prepared, _ = open_tfds("pix2pix_photos", "test", "train", 0.1, tfds_dir=str(prepared))
    order = [numbers_of(as_prepared, "test").index(number) for number in numbers_of(held_out, "test")]
    # The same everywhere: a change of this order is a change of what runs are judged on.
    assert order == np.random.RandomState(0).permutation(TEST).tolist() == [6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5]


def test_validation_where_there_is_no_test(prepared: Path) -> None:
    _, held_out = open_tfds("pix2pix_validation", "", "", 0.1, tfds_dir=str(prepared))
    assert sorted(numbers_of(held_out, "validation")) == list(range(TEST))


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 4), (0.11, 5), (0.001, 1), (0.97, 39)])
def test_held_out_fraction(prepared: Path, fraction: float, count: int) -> None:
    train, held_out = open_tfds("pix2pix_train_only/small", "", "", fraction, tfds_dir=str(prepared))
    assert train.name == "pix2pix_train_only_small"
    assert len(held_out) == count
    assert sorted(numbers_of(train) + numbers_of(held_out)) == list(range(TRAIN))


def test_fraction_of_a_part(prepared: Path) -> None:
    train, held_out = open_tfds("pix2pix_train_only/small", "train[:50%]", "", 0.2, tfds_dir=str(prepared))
    assert (len(train), len(held_out)) == (16, 4)
    assert len({*numbers_of(train), *numbers_of(held_out)}) == 20


def test_splits_in_the_words_of_tfds(prepared: Path) -> None:
    train, held_out = open_tfds("pix2pix_photos", "train[:90%]+test", "train[90%:]", 0.1, tfds_dir=str(prepared))
    assert (len(train), len(held_out)) == (36 + TEST, 4)
    assert not {*[train[i].tobytes() for i in range(len(train))]} & {held_out[i].tobytes() for i in range(4)}


@pytest.mark.parametrize(
    ("split", "eval_split", "shared"),
    [("train", "train", 40), ("", "train[90%:]", 4), ("train+test", "", 12), ("train[:21]", "train[20:]", 1)],
)
def test_nothing_is_trained_and_judged_on(prepared: Path, split: str, eval_split: str, shared: int) -> None:
    message = refusal("pix2pix_photos", prepared, split, eval_split)
    assert f"--config.data.split={split or 'train'} and --config.data.eval_split={eval_split or 'test'}" in message
    assert f"share {shared} photographs" in message


def test_indices(prepared: Path) -> None:
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    for outside in (TRAIN, -TRAIN - 1):
        with pytest.raises(IndexError):
            train[outside]
    for i in (7, 39, 0, 7):
        np.testing.assert_array_equal(train[i], train[i - TRAIN])


def test_threads(prepared: Path) -> None:
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    order = list(np.random.RandomState(1).randint(0, TRAIN, 400))
    with ThreadPoolExecutor(8) as pool:  # the first to open the files, too
        images = list(pool.map(train.__getitem__, order))
    for i, image in zip(order, images, strict=True):
        np.testing.assert_array_equal(image, train[i])


def test_pickled(prepared: Path) -> None:
    fresh, held_out = open_tfds("pix2pix_train_only/small", "", "", 0.1, tfds_dir=str(prepared))
    for source in (fresh, held_out, fresh):  # then once more, with its files open
        copy = pickle.loads(pickle.dumps(source))
        assert numbers_of(copy) == numbers_of(source)
        assert (copy.name, copy.fingerprint()) == (source.name, source.fingerprint())


@pytest.mark.process
def test_in_another_process(prepared: Path) -> None:
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(prepared))
    expected = [train[i] for i in (0, 5, 39)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        images = pool.map(train.__getitem__, (0, 5, 39))
    for image, wanted in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, wanted)


def test_fingerprint(prepared: Path, tmp_path: Path) -> None:
    def fingerprints(folder: Path) -> list[str]:
        sources = [
            *open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(folder)),
            *open_tfds("pix2pix_photos", "train[:39]", "train[39:]", 0.1, tfds_dir=str(folder)),
            *open_tfds("pix2pix_train_only/small", "", "", 0.1, tfds_dir=str(folder)),
            *open_tfds("pix2pix_train_only/small", "", "", 0.2, tfds_dir=str(folder)),
        ]
        return [source.fingerprint() for source in sources]

    first = fingerprints(prepared)
    assert len(set(first)) == 8
    assert all(int(fingerprint, 16) >= 0 for fingerprint in first)
    assert fingerprints(prepared) == first
    copy = shutil.copytree(prepared, tmp_path / "copy")  # keeps the files' times
    assert fingerprints(copy) == first
    shutil.rmtree(copy / "pix2pix_photos")
    Pix2pixPhotos(data_dir=copy).download_and_prepare(file_format="array_record")
    again = fingerprints(copy)
    assert not set(again[:4]) & set(first)
    assert again[4:] == first[4:]


def test_prepared_on_first_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path))
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("--config.data.source=tfds:pix2pix_photos: downloading it to ")
    assert str(tmp_path / "pix2pix_photos" / "1.2.0") in output.err.splitlines()[0]
    assert sorted(numbers_of(train)) == list(range(TRAIN))
    open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path), notify=no_note)


def test_prepared_from_an_earlier_version(prepared: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(prepared / "pix2pix_photos", tmp_path / "pix2pix_photos")
    (copy / "1.2.0").rename(copy / "1.1.0")
    info = copy / "1.1.0" / "dataset_info.json"
    info.write_text(info.read_text().replace("1.2.0", "1.1.0"))
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir=str(tmp_path), notify=no_note)
    assert len(train) == TRAIN


def test_prepared_set_that_the_catalogue_lacks(prepared: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(prepared / "pix2pix_photos", tmp_path / "holidays")
    for file in (copy / "1.2.0").iterdir():
        if file.suffix == ".json":
            file.write_text(file.read_text().replace("pix2pix_photos", "holidays"))
        file.rename(file.with_name(file.name.replace("pix2pix_photos", "holidays")))
    train, _ = open_tfds("holidays", "", "", 0.1, tfds_dir=str(tmp_path), notify=no_note)
    assert sorted(numbers_of(train)) == list(range(TRAIN))
    assert "did you mean holidays" in refusal("holiday", tmp_path)


def test_default_folder(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(prepared))
    train, _ = open_tfds("pix2pix_photos", "", "", 0.1, tfds_dir="", notify=no_note)
    assert len(train) == TRAIN


@pytest.mark.parametrize(("given", "nearest"), [("cats_vs_dog", "cats_vs_dogs"), ("pix2pix_photo", "pix2pix_photos")])
def test_unknown_set(prepared: Path, given: str, nearest: str) -> None:
    message = refusal(given, prepared)
    assert f"--config.data.source=tfds:{given}: neither TFDS nor {prepared} has a set of this name" in message
    assert f"did you mean {nearest}, " in message


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("pix2pix_train_only/smal", "pix2pix_train_only/small"), ("imagenet_resized/9x9", "imagenet_resized/8x8")],
)
def test_unknown_config(prepared: Path, given: str, nearest: str) -> None:
    message = refusal(given, prepared)
    assert f'has no config "{given.partition("/")[2]}"' in message
    assert f"such as --config.data.source=tfds:{nearest}" in message


@pytest.mark.parametrize("given", ["community:set", "pix2pix_photos/a=1", "../pix2pix_photos", "pix2pix_photos/a/b"])
def test_what_is_no_name(prepared: Path, given: str) -> None:
    assert f"--config.data.source=tfds:{given}" in refusal(given, prepared)


def test_unknown_split(prepared: Path) -> None:
    message = refusal("pix2pix_photos", prepared, split="trian[:90%]")
    assert '--config.data.split=trian[:90%]: --config.data.source=tfds:pix2pix_photos has no split "trian"' in message
    assert 'did you mean "train"? (it has train, test)' in message
    message = refusal("pix2pix_photos", prepared, eval_split="tests")
    assert "--config.data.eval_split=tests" in message
    assert 'did you mean "test"?' in message


@pytest.mark.parametrize("split", ["train[", "train[:200%]", "train[:41]", "train[:x]"])
def test_split_that_makes_no_sense(prepared: Path, split: str) -> None:
    assert f"--config.data.split={split} is not a split (" in refusal("pix2pix_photos", prepared, split=split)


def test_empty_split(prepared: Path) -> None:
    assert "--config.data.split=train[:1%] holds no photographs" in refusal("pix2pix_photos", prepared, "train[:1%]")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_fraction_out_of_range(prepared: Path, fraction: float) -> None:
    message = refusal("pix2pix_train_only/small", prepared, eval_fraction=fraction)
    assert f"data.eval_fraction={fraction}: wanted a fraction between 0 and 1" in message


def test_fraction_that_leaves_nothing(prepared: Path) -> None:
    message = refusal("pix2pix_train_only/small", prepared, eval_fraction=0.99)
    assert "holding out 40 of its 40 photographs leaves none to train on" in message


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("grey", "its image is grey, so there is no colour to learn"),
        ("deep", "its image has uint16 values, wanted photographs of 8 bits a colour"),
        ("moving", "its image has moving images"),
        ("none", "holds no image (it has number)"),
        ("two", "holds several images (left, right), wanted one"),
    ],
)
def test_sets_without_colour_photographs(prepared: Path, config: str, reason: str) -> None:
    message = refusal(f"pix2pix_odd/{config}", prepared)
    assert f"--config.data.source=tfds:pix2pix_odd/{config}" in message
    assert reason in message


def test_a_set_of_no_use_is_refused_before_it_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its image is grey, so there is no colour to learn"):
        open_tfds("pix2pix_odd/grey", "", "", 0.1, tfds_dir=str(tmp_path), notify=lambda line: pytest.fail(line))
    assert list(tmp_path.iterdir()) == []


def test_record_that_is_no_image(prepared: Path) -> None:
    train, _ = open_tfds("pix2pix_odd/broken", "", "", 0.1, tfds_dir=str(prepared))
    with pytest.raises(UserError, match=r"^pix2pix_odd/broken/1.2.0 train: image 3 cannot be decoded"):
        train[3]


def test_preparing_needs_tensorflow(tmp_path: Path) -> None:
    message = refusal("pix2pix_needs_tensorflow", tmp_path)
    assert "--config.data.source=tfds:pix2pix_needs_tensorflow can only be prepared with TensorFlow" in message
    command = (
        'python -c "import tensorflow_datasets as tfds; tfds.builder('
        f"'pix2pix_needs_tensorflow', data_dir='{tmp_path}').download_and_prepare(file_format='array_record')\""
    )
    assert command in message
    assert "--config.data.tfds_dir=DIR" in message


def test_preparing_needs_the_user(tmp_path: Path) -> None:
    message = refusal("pix2pix_by_hand", tmp_path)
    assert "could not be prepared" in message
    assert "Ask the authors." in message


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refusal("pix2pix_photos", tmp_path / "file" / "sets")
    assert "could not be prepared in" in message
    assert "--config.data.tfds_dir=DIR" in message


def test_prepared_for_tensorflow_only(prepared: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(prepared / "pix2pix_photos", tmp_path / "pix2pix_photos") / "1.2.0"
    info = json.loads((copy / "dataset_info.json").read_text())
    (copy / "dataset_info.json").write_text(json.dumps({**info, "fileFormat": "tfrecord"}))
    message = refusal("pix2pix_photos", tmp_path)
    assert f"is prepared in {copy} as tfrecord, wanted array_record" in message
    assert f"`tfds convert_format --dataset_version_dir={copy} --out_file_format=array_record`" in message


def test_half_copied(tmp_path: Path) -> None:
    (tmp_path / "pix2pix_photos" / "1.2.0").mkdir(parents=True)
    assert "holds no prepared set" in refusal("pix2pix_photos", tmp_path)


def test_tfds_not_installed(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(source_module.sys.modules, "tensorflow_datasets", None)
    assert "pip install tensorflow-datasets" in refusal("pix2pix_photos", prepared)
