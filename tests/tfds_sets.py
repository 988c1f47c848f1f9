"""Small sets of TFDS, prepared as any other, and what their photographs are."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from pix2pix_jax.data.sources.tfds import open_tfds
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


def notes_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of what is about to be downloaded."""
    return [message for message in caplog.messages if "downloading" in message]


def refusal(dataset: str, folder: Path, split: str = "", eval_split: str = "", eval_fraction: float = 0.1) -> str:
    """The error's text, which is one line."""
    with pytest.raises(UserError) as error:
        open_tfds(dataset, split, eval_split, eval_fraction, tfds_dir=str(folder))
    assert "\n" not in str(error.value)
    return str(error.value)
