"""Sets of the TensorFlow Datasets catalogue (TFDS), from their name to prepared files on the disk."""

import os
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError, nearest

_FORMAT = "array_record"  # gives any record at once, and is read without TensorFlow

_ALTERNATIVES = (
    "use your photographs with --config.data.source=folder --config.data.root=DIR,"
    " or the few that come with scikit-image with --config.data.source=bundled"
)


def open_prepared(dataset: str, flag: str, tfds_dir: str, notify: Callable[[str], object]) -> tuple[Any, str]:
    """Opens a set, which is downloaded and prepared first where that was not done yet.

    Args:
        dataset: NAME or NAME/CONFIG; one that was prepared from an earlier version will do.
        flag: the flag that gave it, for messages.
        tfds_dir: the folder of all prepared sets; empty for TFDS's default.
        notify: told in one line what is about to be downloaded.

    Returns:
        TFDS's builder of the prepared files, and the feature under which a record holds its photograph.

    Raises:
        UserError: if there is no such set, it cannot be prepared here, or holds no colour photographs.
    """
    try:
        import array_record.python.array_record_data_source  # noqa: F401  # what TFDS reads with
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"{flag} needs tensorflow-datasets and array_record ({error}): pip install tensorflow-datasets array_record"
        ) from error
    builder = _builder(dataset, flag, tfds_dir)
    folder = builder.data_dir
    if not os.path.exists(folder):
        photograph_feature(builder.info.features, flag)  # before anything is downloaded
        _prepare(builder, dataset, flag, notify)
    try:
        builder = tfds.builder_from_directory(folder)
        builder.as_data_source()
    except Exception as error:  # whatever a half-copied folder or another format leads to
        raise UserError(
            f"{flag}: {folder} cannot be read as a prepared set ({_reason(error)}). If it is one for TensorFlow,"
            f" convert it once where that is installed, with `tfds convert_format --dataset_version_dir={folder}"
            f" --out_file_format={_FORMAT}`; else delete it and try again, or give another --config.data.tfds_dir=DIR"
        ) from error
    return builder, photograph_feature(builder.info.features, flag)


def image_features(features: Any) -> list[str]:
    """Names of the features that are images, masks left out."""
    import tensorflow_datasets as tfds

    image, mask = tfds.features.Image, tfds.features.LabeledImage
    kinds = features.items() if isinstance(features, tfds.features.FeaturesDict) else ()
    return sorted(name for name, kind in kinds if isinstance(kind, image) and not isinstance(kind, mask))


def photograph_feature(features: Any, flag: str) -> str:
    """Which feature to show: `image`, or else the only image there is; a UserError if it is no colour photograph."""
    images = image_features(features)
    name = "image" if "image" in images else "".join(images[:1])
    if name == "image" or len(images) == 1:
        *size, channels = features[name].shape
        if np.dtype(features[name].np_dtype) == np.uint8 and len(size) == 2 and channels != 1:
            return name
    found = ", ".join(f"{image} ({features[image].np_dtype} {features[image].shape})" for image in images)
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
            f"{flag} cannot be opened ({_reason(error)}); did you mean"
            f" {nearest(dataset.partition('/')[0], sorted(names), 3)}? Give tfds:NAME or tfds:NAME/CONFIG"
        ) from error


def _prepare(builder: Any, dataset: str, flag: str, notify: Callable[[str], object]) -> None:
    """Downloads and prepares a set."""
    root = builder.data_dir_root
    notify(f"{flag}: downloading it to {root / 'downloads'}, to be prepared in {builder.data_dir}; done once")
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
            f" `{command}` and give a copy of that folder in --config.data.tfds_dir=DIR, or {_ALTERNATIVES}"
        ) from error


def _reason(error: Exception) -> str:
    """The beginning of an error's text: TFDS's go on for pages."""
    return textwrap.shorten(describe_failure(error), 300, placeholder=" …")
