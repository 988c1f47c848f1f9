"""Sets of the TensorFlow Datasets catalogue (TFDS), from their name to prepared files on the disk."""

import contextlib
import glob
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError, nearest

FORMAT = "array_record"
"""The format of prepared files that gives any record at once, and is read without TensorFlow."""

_NAME = re.compile(r"\w+(/[\w.-]+)?(:[\d.*]+)?")


def prepare(
    dataset: str, tfds_dir: str, flag: str, check_features: Callable[[Any], object], notify: Callable[[str], None]
) -> str:
    """Folder of a prepared set; one that was prepared from an earlier version will do.

    `check_features` raises a UserError where the set's features are of no use, before anything is downloaded.
    """
    import tensorflow_datasets as tfds

    try:
        if not _NAME.fullmatch(dataset):
            raise ValueError("wanted NAME or NAME/CONFIG")
        version = "" if ":" in dataset else ":*.*.*"  # which makes TFDS look for prepared files first
        builder = tfds.builder(dataset + version, data_dir=tfds_dir or None)
    except Exception as error:  # TFDS's errors here share no type
        raise _unknown_set(dataset, tfds_dir, flag, error) from error
    if os.path.exists(builder.data_dir):
        return builder.data_dir
    root = builder.data_dir_root
    try:
        check_features(builder.info.features)
        notify(
            f"{flag}: downloading it to {root / 'downloads'}, to be prepared in {builder.data_dir}; done once"
            " (without a network, TFDS tries for some minutes)"
        )
        # TFDS prints to stdout, its progress bars go to stderr.
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(file_format=FORMAT)
    except UserError:
        raise
    except Exception as error:  # builders of hundreds of authors
        if os.path.exists(builder.data_dir):  # another process was faster
            return builder.data_dir
        command = (
            f"python -c \"import tensorflow_datasets as tfds; tfds.builder('{dataset}', data_dir='{root}')"
            f".download_and_prepare(file_format='{FORMAT}')\""
        )
        if _wants_tensorflow(error):
            raise UserError(
                f"{flag} can only be prepared with TensorFlow, which is not installed: do it once where it is, with "
                f"`{command}`, and give a copy of that folder in --config.data.tfds_dir=DIR"
            ) from error
        raise UserError(
            f"{flag} could not be prepared in {root} ({describe_failure(error)}); mend that, or prepare it elsewhere "
            f"with `{command}`, and give a copy of that folder in --config.data.tfds_dir=DIR"
        ) from error
    return builder.data_dir


def _wants_tensorflow(error: BaseException | None) -> bool:
    """Whether an error comes from TensorFlow not being there."""
    while error is not None:
        if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "tensorflow":
            return True
        error = error.__cause__ or error.__context__
    return False


def _unknown_set(dataset: str, tfds_dir: str, flag: str, error: Exception) -> UserError:
    """Why TFDS knows no such set, and which it knows."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import constants

    root = Path(tfds_dir or constants.DATA_DIR)
    files = [file for depth in ("*/*", "*/*/*") for file in glob.glob(f"{depth}/dataset_info.json", root_dir=root)]
    on_disk = [Path(file).parts[:-2] for file in files]  # (NAME,) or (NAME, CONFIG)
    name, _, config = dataset.partition(":")[0].partition("/")
    catalogue = tfds.list_builders(with_community_datasets=False)
    names = sorted({*catalogue, *(parts[0] for parts in on_disk)})
    if name not in names:
        return UserError(
            f"{flag}: neither TFDS nor {root} has a set of this name; did you mean {nearest(name, names, 3)}?"
        )
    configs = {parts[1] for parts in on_disk if parts[0] == name and len(parts) == 2}
    if name in catalogue:
        configs.update(tfds.builder_cls(name).builder_configs)
    if configs and config not in configs:
        return UserError(
            f'{flag}: {name} has no config "{config}"; give one of its {len(configs)}, such as '
            f"--config.data.source=tfds:{name}/{nearest(config, sorted(configs))}"
        )
    return UserError(f"{flag} cannot be opened ({describe_failure(error)}); give tfds:NAME or tfds:NAME/CONFIG")
