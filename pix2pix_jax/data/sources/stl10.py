"""STL-10 from its archive to TFDS's files, without TensorFlow.

TFDS knows the set, but prepares it with TensorFlow's file functions. Here the builder is TFDS's own (name, version,
features, splits, the archive's address and checksum), and only what reads the archive is replaced; what lies on the
disk afterwards is what TFDS would have written.

The set: A. Coates, H. Lee, A. Y. Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS
2011; 96×96 photographs, 5,000 to train on, 8,000 to test on, and 100,000 without labels.

Importing this module imports tensorflow_datasets, so it is imported only when the set is asked for.
"""

import contextlib
import gzip
import io
import os
import shutil
import ssl
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.download import resource
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tensorflow_datasets.datasets.stl10 import stl10_dataset_builder as original
from tqdm import tqdm

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError

_SIDE = 96
_IMAGE_BYTES = 3 * _SIDE * _SIDE
_NO_LABEL = -1  # what TFDS gives to photographs without a label

_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)
_NETWORK_ERRORS = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)
_TIMEOUT = 30.0  # seconds for the server to answer, or to go on
_CHUNK = 1 << 20  # bytes

_ALTERNATIVES = (
    "use your photographs with --config.data.source=folder --config.data.root=DIR, "
    "or the few that come with scikit-image with --config.data.source=bundled"
)


class Stl10Builder(original.Builder, skip_registration=True):
    """TFDS's builder of STL-10, reading the archive with Python alone.

    Attributes:
        url: where the archive is downloaded from.
        url_infos: its size and checksum, by `url`; TFDS's own.
    """

    name = "stl10"
    pkg_dir_path = tfds.core.Path(original.__file__).parent  # of the description and the citation
    url = original.URL
    url_infos: Any = original.Builder.url_infos

    @property
    def manual(self) -> Path:
        """Where the archive is downloaded to: where TFDS looks for files that it did not download itself."""
        return Path(self.data_dir_root) / "downloads" / "manual" / self.url_infos[self.url].filename

    def find_archive(self) -> Path | None:
        """The archive, if it is there: in `manual`, or where TFDS itself downloads to."""
        downloads = self.manual.parent.parent
        name = resource.get_dl_fname(self.url, self.url_infos[self.url].checksum)
        places = (self.manual, downloads / self.name / name, downloads / name)  # TFDS searches in this order
        return next((place for place in places if os.path.isfile(place)), None)

    def _split_generators(self, dl_manager: Any) -> Any:
        """What each split holds.

        Photographs are taken straight from the compressed archive: unpacked, they would need 3.1 GB more.
        """
        # With nothing left to download, TFDS's bars count bytes as MiB.
        with contextlib.redirect_stderr(io.StringIO()):
            archive = Path(dl_manager.download(self.url))  # compares the checksum
        names = ("class_names.txt", "train_y.bin", "test_y.bin")
        small = {name: file.read() for name, file in _files(archive, names)}
        features: Any = self.info.features
        features["label"].names = small["class_names.txt"].decode().split()
        return {
            "train": _examples(archive, "train_X.bin", small["train_y.bin"]),
            "test": _examples(archive, "test_X.bin", small["test_y.bin"]),
            "unlabelled": _examples(archive, "unlabeled_X.bin", b""),
        }


def prepare_stl10(tfds_dir: str, *, notify: Callable[[str], None]) -> str:
    """Downloads and prepares STL-10 as ArrayRecord files, unless that was done before.

    The archive (2.64 GB) stays in the folder `downloads/manual` and can be deleted.

    Args:
        tfds_dir: the folder of all prepared sets; empty for TFDS's default.
        notify: told in one line what is about to be downloaded, from where and to where.

    Returns:
        The folder of the prepared set, which may have been prepared by other means and in another format.

    Raises:
        UserError: if the archive cannot be downloaded or is not the right one, or the folder cannot be written.
    """
    builder = Stl10Builder(data_dir=tfds_dir or None)
    folder = builder.data_dir
    if os.path.exists(folder):  # unlike Path.exists, says no to a folder that may not be searched
        return folder
    archive = builder.find_archive()
    with _explained(builder):
        if archive is None:
            size = builder.url_infos[builder.url].size
            notify(
                f"STL-10: downloading {size} from {builder.url} to {builder.manual}, to be prepared in {folder}; "
                "done once, takes minutes"
            )
            _download(builder.url, builder.manual)
        else:
            notify(f"STL-10: preparing {archive} in {folder}; done once, takes minutes")
        try:
            # TFDS prints to stdout that it does not know the sizes; its progress bars go to stderr.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare(file_format="array_record")
        except NonMatchingChecksumError:
            if archive is None:
                builder.manual.unlink()
            raise
    return folder


def _download(url: str, path: Path) -> None:
    """Downloads a file, showing the progress on stderr.

    TFDS's own download manager would, without a network, try again and again for three minutes; could not be
    interrupted, for it waits for its thread; and would leave behind what it has when a download breaks off.

    Args:
        url: its address.
        path: where to put it; nothing is there until all of it is.

    Raises:
        OSError: if the server or the disk fails, see `_NETWORK_ERRORS` for which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, unfinished.open("wb") as file:
            length = int(response.headers.get("Content-Length", 0))
            with tqdm.wrapattr(response, "read", total=length, desc=f"Downloading {path.name}", leave=False) as stream:
                shutil.copyfileobj(stream, file, _CHUNK)
            if file.tell() < length:
                raise ConnectionError(f"connection lost after {file.tell()} of {length} bytes")
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(builder: Stl10Builder) -> Iterator[None]:
    """Turns what can go wrong while preparing into a UserError."""
    flag = "--config.data.source=stl10"
    try:
        yield
    except (NonMatchingChecksumError, *_DAMAGE) as error:
        archive = builder.find_archive()
        where = f"{archive} is" if archive else f"what came from {builder.url} (now deleted) was"
        advice = f"delete it and try again, or {_ALTERNATIVES}" if archive else f"try again, or {_ALTERNATIVES}"
        raise UserError(f"{flag}: {where} not the archive of STL-10, or damaged; {advice}") from error
    except _NETWORK_ERRORS as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the server's answer, too
        raise UserError(
            f"{flag}: cannot download {builder.url} ({describe_failure(error)}); try again later, put the file "
            f"there by hand as {builder.manual}, or {_ALTERNATIVES}"
        ) from error
    except OSError as error:
        if os.path.exists(builder.data_dir):  # another process was faster
            return
        raise UserError(
            f"{flag}: cannot write to {builder.data_dir_root} ({error.strerror or describe_failure(error)}); give a "
            "folder with 5 GB to spare in --config.data.tfds_dir=DIR"
        ) from error


def _files(archive: Path, names: Collection[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Some of the archive's files, in the order in which it holds them.

    Args:
        archive: the compressed archive, read from its start to the last of `names`.
        names: the files.

    Yields:
        Each file's name and the file, to be read before the next is asked for.

    Raises:
        tarfile.TarError: if the archive lacks one of them.
    """
    missing = set(names)
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if name in missing and (file := tar.extractfile(member)):
                yield name, file
                missing.remove(name)
                if not missing:  # to pass over the rest would take a minute
                    return
    raise tarfile.ReadError(f"no {' and '.join(sorted(missing))} in {archive}")


def _examples(archive: Path, name: str, labels: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The photographs in one of the archive's files, numbered as they come.

    Args:
        archive: the compressed archive.
        name: the file.
        labels: 1 to 10 for each photograph; empty if they have none.

    Yields:
        Each photograph's number, and its features as TFDS takes them: an array would be encoded by TensorFlow, a file
        is taken as it is.
    """
    for _, file in _files(archive, (name,)):
        for number, record in enumerate(iter(partial(file.read, _IMAGE_BYTES), b"")):
            label = labels[number] - 1 if labels else _NO_LABEL
            yield number, {"image": io.BytesIO(_to_png(record)), "label": label}


def _to_png(record: bytes) -> bytes:
    """A photograph from the archive as PNG.

    Args:
        record: RGB in [0, 255], uint8 [3, 96, 96], of which the second axis is x and the third is y.

    Returns:
        The file's bytes.
    """
    channels_x_y = np.frombuffer(record, np.uint8).reshape(3, _SIDE, _SIDE)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(channels_x_y.transpose(2, 1, 0))).save(buffer, "png")
    return buffer.getvalue()
