"""Sets of the TensorFlow Datasets catalogue (TFDS) as sources, without TensorFlow.

Prepared sets are read from ArrayRecord files, which give any photograph at once. tensorflow_datasets is imported only
when a set is opened.
"""

import hashlib
import io
import logging
import math
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.data.sources.files import state_of
from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError, did_you_mean
from pix2pix_jax.files import typed_path
from pix2pix_jax.photos import readable_formats, upright_rgb

_logger = logging.getLogger(__name__)

_FORMAT = "array_record"  # gives any record at once, and is read without TensorFlow


@dataclass(frozen=True)
class TfdsSource:
    """Photographs of a prepared set, decoded when they are asked for; see `ImageSource`.

    Attributes:
        name: the set's and its config's name, safe as part of a file's name.
        records: TFDS's data source of a split, images not decoded, which several threads may read.
        feature: under which a record holds its image.
        indices: the records to show, in the order in which they are numbered.
        files: the prepared files that hold them.
        origin: the set's name, config and version, and the split.
    """

    name: str
    records: Sequence[Any]
    feature: str
    indices: NDArray[np.intp]
    files: Sequence[Path]
    origin: str

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One photograph, with what is transparent on white; see `ImageSource`. UserError if it cannot be decoded."""
        record = int(self.indices[range(len(self))[index]])
        encoded = self.records[record][self.feature]
        try:
            with Image.open(io.BytesIO(encoded), formats=readable_formats()) as image:
                return upright_rgb(image)
        except Exception as error:  # Pillow's plugins do not agree on a type
            raise UserError(
                f"{self.origin}: image {record} cannot be decoded ({describe_failure(error)}); prepare the set again, "
                "or leave the image out with --config.data.split=..."
            ) from error

    def fingerprint(self) -> str:
        """From which photographs of which set they are, and its files' names, sizes and times; see `ImageSource`."""
        digest = hashlib.sha256(self.identity().encode())
        for file in self.files:
            digest.update(f"\0{file.name}\0{state_of(file)}".encode())
        return digest.hexdigest()

    def identity(self) -> str:
        """From which photographs of which set they are; see `ImageSource`."""
        return hashlib.sha256(self.origin.encode() + self.indices.astype("<i8").tobytes()).hexdigest()


def open_tfds(
    dataset: str,
    split: str,
    eval_split: str,
    eval_fraction: float,
    *,
    tfds_dir: str,
) -> tuple[TfdsSource, TfdsSource]:
    """Opens a set for training and evaluation; downloads and prepares it first where that was not done, with a warning.

    Args:
        dataset: NAME or NAME/CONFIG in TFDS's catalogue or in `tfds_dir`.
        split: what to train on, in TFDS's words, such as "train[:90%]" or "train+test"; empty for "unlabelled+train" of
            stl10, and "train" of any other set.
        eval_split: what to evaluate on; empty for "test" or else "validation". A set that has neither loses a fraction
            of `split`, chosen by a shuffle that is the same everywhere.
        eval_fraction: that fraction, in (0, 1), rounded up; else not used.
        tfds_dir: the folder of all prepared sets; empty for TFDS's default, ~/tensorflow_datasets.

    Returns:
        The source to train on; and the one to evaluate on, shuffled once, so that its first few are a fair sample.

    Raises:
        UserError: if there is no such set, config or split, it cannot be prepared here, or has no colour images.
    """
    flag = f"--config.data.source={'stl10' if dataset == 'stl10' else f'tfds:{dataset}'}"
    folder = str(typed_path(tfds_dir, "data.tfds_dir")) if tfds_dir else ""
    builder, feature = _open_prepared(dataset, flag, folder)
    split = split or ("unlabelled+train" if dataset == "stl10" else "train")
    train_files = _file_instructions(builder, split, "--config.data.split")
    train_count = sum(part.take for part in train_files)
    own = [name for name in ("test", "validation") if name in builder.info.splits]
    if not eval_split and not own:
        train, held_out = _hold_out(train_count, eval_fraction, flag)
        return _source(builder, feature, split, train), _source(builder, feature, split, held_out)

    eval_split = eval_split or own[0]
    eval_files = _file_instructions(builder, eval_split, "--config.data.eval_split")
    if shared := _shared(train_files, eval_files):
        raise UserError(
            f"--config.data.split={split} and --config.data.eval_split={eval_split} share {shared} photographs: what "
            "is evaluated on must not be trained on; give two parts, such as train[:90%] and train[90%:]"
        )
    # Of NumPy's generators, this is the one whose numbers are promised never to change.
    held_out = np.random.RandomState(0).permutation(sum(part.take for part in eval_files))
    return _source(builder, feature, split, np.arange(train_count)), _source(builder, feature, eval_split, held_out)


def _open_prepared(dataset: str, flag: str, tfds_dir: str) -> tuple[Any, str]:
    """TFDS's builder of a set, prepared now if need be, and the feature under which a record holds its photograph."""
    import tensorflow_datasets as tfds

    builder = _builder(dataset, flag, tfds_dir)
    folder = builder.data_dir
    if not os.path.exists(folder):
        _photograph_feature(builder.info.features, flag)  # before anything is downloaded
        _prepare(builder, dataset, flag)
    try:
        builder = tfds.builder_from_directory(folder)
        builder.as_data_source()
    except Exception as error:  # whatever a half-copied folder or another format leads to
        raise UserError(
            f"{flag}: {folder} cannot be read as a prepared set ({_reason(error)}): convert it with"
            f" `tfds convert_format --dataset_version_dir={folder} --out_file_format={_FORMAT}` where TensorFlow is"
            " installed, or delete it, or give another --config.data.tfds_dir=DIR"
        ) from error
    return builder, _photograph_feature(builder.info.features, flag)


def _photograph_feature(features: Any, flag: str) -> str:
    """Which feature to show: `image`, or else the only image there is; a UserError if it is no colour photograph."""
    import tensorflow_datasets as tfds

    image, mask = tfds.features.Image, tfds.features.LabeledImage
    kinds = features.items() if isinstance(features, tfds.features.FeaturesDict) else ()
    images: dict[str, Any] = {n: kind for n, kind in kinds if isinstance(kind, image) and not isinstance(kind, mask)}
    if "image" in images or len(images) == 1:
        name = "image" if "image" in images else next(iter(images))
        shape = images[name].shape
        if np.dtype(images[name].np_dtype) == np.uint8 and len(shape) == 3 and shape[-1] != 1:
            return name
    found = ", ".join(f"{name} ({images[name].np_dtype} {images[name].shape})" for name in sorted(images))
    raise UserError(
        f'{flag} holds {found or "no image"}; wanted one image, or one named "image", in colour and of 8 bits (uint8):'
        " choose another set"
    )


def _builder(dataset: str, flag: str, tfds_dir: str) -> Any:
    """TFDS's builder of a set, which may not be prepared yet."""
    import tensorflow_datasets as tfds

    try:
        if dataset == "stl10":
            from pix2pix_jax.data.sources.stl10 import Stl10Builder

            return Stl10Builder(data_dir=tfds_dir or None)
        version = "" if ":" in dataset else ":*.*.*"  # which makes TFDS look for prepared files first
        return tfds.builder(dataset + version, data_dir=tfds_dir or None)
    except Exception as error:  # TFDS's errors here share no type
        catalogue = tfds.list_builders(with_community_datasets=False)
        names = {*catalogue, *(os.listdir(tfds_dir) if os.path.isdir(tfds_dir) else ())}
        raise UserError(
            f"{flag} cannot be opened ({_reason(error)}): give tfds:NAME or tfds:NAME/CONFIG"
            f"{did_you_mean(dataset.partition('/')[0], sorted(names), 3)}"
        ) from error


def _prepare(builder: Any, dataset: str, flag: str) -> None:
    """Downloads and prepares a set."""
    root = builder.data_dir_root
    _logger.warning("%s: downloading it to %s/downloads, to be prepared in %s; done once", flag, root, builder.data_dir)
    try:
        builder.download_and_prepare(file_format=_FORMAT)
    except Exception as error:  # builders of hundreds of authors
        if os.path.exists(builder.data_dir):  # another process was faster
            return
        command = (
            f"python -c \"import tensorflow_datasets as tfds; tfds.builder('{dataset}', data_dir='{root}')"
            f".download_and_prepare(file_format='{_FORMAT}')\""
        )
        raise UserError(
            f"{flag} could not be prepared in {root} ({_reason(error)}); mend that, or prepare it elsewhere with"
            f" `{command}` and give a copy of that folder in --config.data.tfds_dir=DIR, or use your photographs with"
            " --config.data.source=folder --config.data.root=DIR, or a few with --config.data.source=bundled"
        ) from error


def _reason(error: Exception) -> str:
    """The beginning of an error's text: TFDS's go on for pages."""
    return textwrap.shorten(describe_failure(error), 300, placeholder=" …")


def _file_instructions(builder: Any, split: str, flag: str) -> list[Any]:
    """Which part of which files a split is; `flag` gave it."""
    try:
        parts = list(builder.info.splits[split].file_instructions)
    except Exception as error:  # TFDS's errors here share no type
        reason = str(error).strip().splitlines()[-1]
        there = ", ".join(builder.info.splits)
        raise UserError(
            f"{flag}={split} is not a split ({reason}); there are {there}, and parts such as train[:90%]"
        ) from error
    if not parts:
        raise UserError(f"{flag}={split} holds no photographs; give a larger part")
    return parts


def _source(builder: Any, feature: str, split: str, indices: NDArray[np.intp]) -> TfdsSource:
    """A source of some of a split's records."""
    import tensorflow_datasets as tfds

    info = builder.info
    images = (name for name, kind in info.features.items() if isinstance(kind, tfds.features.Image))
    records = builder.as_data_source(split, decoders=dict.fromkeys(images, tfds.decode.SkipDecoding()))
    files = [Path(part.filename) for part in info.splits[split].file_instructions]
    name = info.full_name.rpartition("/")[0].replace("/", "_")  # without the version
    return TfdsSource(name, records, feature, indices, files, f"{info.full_name} {split}")


def _hold_out(count: int, fraction: float, flag: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cuts `count` records in two: those to train on, and those to evaluate on, shuffled."""
    held_out = math.ceil(fraction * count)
    if not 0 < held_out < count:
        raise UserError(
            f"data.eval_fraction={fraction} of the {count} photographs of {flag} is {held_out} to evaluate on: give a"
            " fraction that is some of them and not all, or a split in --config.data.eval_split=SPLIT"
        )
    order = np.random.RandomState(0).permutation(count)
    return np.sort(order[held_out:]), order[:held_out]


def _shared(parts: Sequence[Any], others: Sequence[Any]) -> int:
    """How many records two lists of file instructions have in common."""
    of_one_file = ((one, other) for one in parts for other in others if one.filename == other.filename)
    overlaps = (
        min(one.skip + one.take, other.skip + other.take) - max(one.skip, other.skip) for one, other in of_one_file
    )
    return sum(overlap for overlap in overlaps if overlap > 0)
