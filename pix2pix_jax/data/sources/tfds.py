"""Sets of the TensorFlow Datasets catalogue (TFDS) as sources, without TensorFlow.

Prepared sets are read from ArrayRecord files, which give any photograph at once. tensorflow_datasets is imported only
when a set is opened.
"""

import hashlib
import io
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.data.decode import upright_rgb
from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.data.sources.tfds_prepare import FORMAT, prepare
from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.files import typed_path
from pix2pix_jax.photos import readable_formats


class TfdsSource:
    """Photographs of a prepared set, decoded when they are asked for; see `ImageSource`.

    Attributes:
        name: the set's and its config's name, safe as part of a file's name.
    """

    def __init__(
        self,
        name: str,
        records: Sequence[Any],
        feature: str,
        indices: NDArray[np.intp],
        files: Iterable[Path],
        origin: str,
    ) -> None:
        """Makes a source of some of a set's records.

        Args:
            name: see the attribute.
            records: TFDS's data source of a split, images not decoded; opens and drops its files by itself, where
                several threads read or it is pickled.
            feature: under which a record holds its image.
            indices: the records to show, in the order in which they are numbered.
            files: the prepared files that hold them.
            origin: the set's name, config and version, and the split.
        """
        self.name = name
        self._records = records
        self._feature = feature
        self._indices = indices
        self._files = tuple(files)
        self._origin = origin

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self._indices)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One photograph; see `ImageSource`. A grey one is grey in RGB, and what is transparent lies on white.

        Raises:
            IndexError: if there is no photograph `index`.
            UserError: if it cannot be decoded.
        """
        record = int(self._indices[range(len(self))[index]])
        encoded = self._records[record][self._feature]
        try:
            with Image.open(io.BytesIO(encoded), formats=readable_formats()) as image:
                return upright_rgb(image)
        except Exception as error:  # Pillow's plugins do not agree on a type
            raise UserError(
                f"{self._origin}: image {record} cannot be decoded ({describe_failure(error)}); prepare the set again, "
                "or leave the image out with --config.data.split=..."
            ) from error

    def fingerprint(self) -> str:
        """From which photographs of which set they are, and its files' names, sizes and times; see `ImageSource`."""
        digest = hashlib.sha256(self.identity().encode())
        for file in self._files:
            status = file.stat()
            digest.update(f"\0{file.name}\0{status.st_size} {status.st_mtime_ns}".encode())
        return digest.hexdigest()

    def identity(self) -> str:
        """From which photographs of which set they are; see `ImageSource`."""
        return hashlib.sha256(self._origin.encode() + self._indices.astype("<i8").tobytes()).hexdigest()


def _print_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def open_tfds(
    dataset: str,
    split: str,
    eval_split: str,
    eval_fraction: float,
    *,
    tfds_dir: str,
    notify: Callable[[str], None] = _print_to_stderr,
) -> tuple[TfdsSource, TfdsSource]:
    """Opens a set for training and judging; downloads and prepares it first where that was not done yet.

    Args:
        dataset: NAME or NAME/CONFIG in TFDS's catalogue or in `tfds_dir`.
        split: what to train on, in TFDS's words, such as "train[:90%]" or "train+test"; empty for "unlabelled+train" of
            stl10, and "train" of any other set.
        eval_split: what to judge on; empty for "test" or else "validation". A set that has neither loses a fraction
            of `split`, chosen by a shuffle that is the same everywhere.
        eval_fraction: that fraction, in (0, 1), rounded up; else not used.
        tfds_dir: the folder of all prepared sets; empty for TFDS's default, ~/tensorflow_datasets.
        notify: told in one line what is about to be downloaded.

    Returns:
        The source to train on; and the one to judge on, shuffled once for all, so that its first few are a fair sample.

    Raises:
        UserError: if there is no such set, config or split, it cannot be prepared here, or has no colour images.
    """
    prepared = _open_set(dataset, str(typed_path(tfds_dir, "data.tfds_dir")) if tfds_dir else "", notify)
    split = split or ("unlabelled+train" if dataset == "stl10" else "train")
    train_files = prepared.file_instructions(split, "--config.data.split")
    own = [name for name in ("test", "validation") if name in prepared.info.splits]
    if not eval_split and not own:
        train, held_out = _hold_out(sum(part.take for part in train_files), eval_fraction, prepared.flag)
        return prepared.source(split, train), prepared.source(split, held_out)

    eval_split = eval_split or own[0]
    eval_files = prepared.file_instructions(eval_split, "--config.data.eval_split")
    if shared := _count_shared(train_files, eval_files):
        raise UserError(
            f"--config.data.split={split} and --config.data.eval_split={eval_split} share {shared} photographs: what "
            "is judged on must not be trained on; give two parts, such as train[:90%] and train[90%:]"
        )
    train_count, eval_count = (sum(part.take for part in files) for files in (train_files, eval_files))
    return prepared.source(split, np.arange(train_count)), prepared.source(eval_split, _shuffled(eval_count))


@dataclass(frozen=True)
class _PreparedSet:
    """A set on the disk.

    Attributes:
        flag: the flag that gave it, for messages.
        builder: TFDS's builder.
        feature: under which a record holds its image.
    """

    flag: str
    builder: Any
    feature: str

    @property
    def info(self) -> Any:
        return self.builder.info

    def file_instructions(self, split: str, flag: str) -> list[Any]:
        """Which part of which files a split is; `flag` gave it."""
        names = list(self.info.splits)
        for base in (part.partition("[")[0].strip() for part in split.split("+")):
            if base not in (*names, "all"):
                raise UserError(
                    f'{flag}={split}: {self.flag} has no split "{base}"; did you mean "{nearest(base, names)}"? '
                    f"(it has {', '.join(names)})"
                )
        try:
            parts = list(self.info.splits[split].file_instructions)
        except Exception as error:  # TFDS's errors here share no type
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"{flag}={split} is not a split ({reason}); give one such as train[:90%]") from error
        if not parts:
            raise UserError(f"{flag}={split} holds no photographs; give a larger part of {self.flag}")
        return parts

    def source(self, split: str, indices: NDArray[np.intp]) -> TfdsSource:
        """A source of some of a split's records."""
        import tensorflow_datasets as tfds

        images = _image_features(self.info.features)
        records = self.builder.as_data_source(split, decoders={name: tfds.decode.SkipDecoding() for name in images})
        files = [Path(part.filename) for part in self.info.splits[split].file_instructions]
        name = self.info.full_name.rpartition("/")[0].replace("/", "_")  # without the version
        return TfdsSource(name, records, self.feature, indices, files, f"{self.info.full_name} {split}")


def _open_set(dataset: str, tfds_dir: str, notify: Callable[[str], None]) -> _PreparedSet:
    """Opens a set, preparing it if need be; see `open_tfds`."""
    flag = f"--config.data.source={'stl10' if dataset == 'stl10' else f'tfds:{dataset}'}"
    try:
        import array_record.python.array_record_data_source  # noqa: F401  # what TFDS reads with
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{flag} needs tensorflow-datasets and array_record ({error}): pip install tensorflow-datasets array_record"
        ) from error
    if dataset == "stl10":
        from pix2pix_jax.data.sources.stl10 import prepare_stl10

        folder = prepare_stl10(tfds_dir, notify=notify)
    else:
        folder = prepare(dataset, tfds_dir, flag, lambda features: _choose_feature(features, flag), notify)
    try:
        builder = tfds.builder_from_directory(folder)
        formats = [str(file_format.value) for file_format in builder.info.available_file_formats()]
    except Exception as error:  # whatever a half-copied folder leads to
        raise UserError(
            f"{flag}: {folder} holds no prepared set ({describe_failure(error)}); delete it and try again, or give "
            "another --config.data.tfds_dir=DIR"
        ) from error
    if FORMAT not in formats:
        raise UserError(
            f"{flag} is prepared in {folder} as {', '.join(formats)}, wanted {FORMAT}: convert it once where "
            f"TensorFlow is installed, with `tfds convert_format --dataset_version_dir={folder} "
            f"--out_file_format={FORMAT}`, or give another --config.data.tfds_dir=DIR"
        )
    return _PreparedSet(flag, builder, _choose_feature(builder.info.features, flag))


def _image_features(features: Any) -> list[str]:
    """Names of the features that are images, masks left out."""
    import tensorflow_datasets as tfds

    if not isinstance(features, tfds.features.FeaturesDict):
        return []
    image, mask = tfds.features.Image, tfds.features.LabeledImage
    return sorted(name for name, kind in features.items() if isinstance(kind, image) and not isinstance(kind, mask))


def _choose_feature(features: Any, flag: str) -> str:
    """Which feature to show: `image`, or else the only image there is."""
    images = _image_features(features)
    if len(images) != 1 and "image" not in images:
        found = (
            f"several images ({', '.join(images)})" if images else f"no image (it has {', '.join(sorted(features))})"
        )
        raise UserError(f'{flag} holds {found}, wanted one, or one named "image"; choose another set')
    name = "image" if "image" in images else images[0]
    *size, channels = features[name].shape
    dtype = np.dtype(features[name].np_dtype)
    if dtype != np.uint8 or len(size) != 2:
        what = "moving images" if len(size) != 2 else f"{dtype} values"
        raise UserError(f"{flag}: its {name} has {what}, wanted photographs of 8 bits a colour; choose another set")
    if channels == 1:
        raise UserError(
            f"{flag}: its {name} is grey, so there is no colour to learn; choose a set of colour photographs"
        )
    return name


def _hold_out(count: int, fraction: float, flag: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cuts `count` records in two: those to train on, and those to judge on, shuffled."""
    if not 0 < fraction < 1:
        raise UserError(
            f"data.eval_fraction={fraction}: wanted a fraction between 0 and 1, such as 0.02, "
            "or a part to judge on in --config.data.eval_split=SPLIT"
        )
    held_out = math.ceil(fraction * count)
    if held_out == count:
        raise UserError(
            f"{flag}: holding out {held_out} of its {count} photographs leaves none to train on; give a larger "
            "--config.data.split=SPLIT, or a part to judge on in --config.data.eval_split=SPLIT"
        )
    order = _shuffled(count)
    return np.sort(order[held_out:]), order[:held_out]


def _shuffled(count: int) -> NDArray[np.intp]:
    """0 to `count` - 1 in an order that is as good as random, and the same everywhere and for ever."""
    # Of NumPy's generators, this is the one whose numbers are promised never to change.
    return np.random.RandomState(0).permutation(count)


def _count_shared(first: Sequence[Any], second: Sequence[Any]) -> int:
    """Number of records that two lists of file instructions have in common."""
    return sum(
        max(0, min(a.skip + a.take, b.skip + b.take) - max(a.skip, b.skip))
        for a in first
        for b in second
        if a.filename == b.filename
    )
