"""STL-10 as a set of TFDS that is prepared without TensorFlow.

Only what downloads and reads the archive is replaced in TFDS's own builder: the prepared files are those it writes.

The set: A. Coates, H. Lee, A. Y. Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS
2011; 96×96 photographs, 5,000 to train on, 8,000 to test on, and 100,000 without labels.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import requests
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.datasets.stl10 import stl10_dataset_builder as original
from tqdm import tqdm

from pix2pix_jax.files import replacing

_SIDE = 96
_CLASSES = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
_NO_LABEL = -1  # what TFDS gives to photographs without a label
_TIMEOUT = 30.0  # seconds for the server to answer, or to go on
_CHUNK = 1 << 20  # bytes


class Stl10Builder(original.Builder, skip_registration=True):
    """TFDS's builder of STL-10, which downloads (from `url`) and reads the archive with Python alone."""

    name = "stl10"
    pkg_dir_path = tfds.core.Path(original.__file__).parent  # of the description and the citation
    url = original.URL
    url_infos: Any = original.Builder.url_infos

    def _split_generators(self, dl_manager: Any) -> Any:
        """What each split holds, straight from the compressed archive: unpacked, it would need 3.1 GB more."""
        del dl_manager  # cannot be interrupted, and without a network tries for minutes
        info = self.url_infos[self.url]
        archive = Path(self.data_dir_root) / "downloads" / "manual" / info.filename
        if not archive.exists():
            _download(self.url, archive, info.checksum)
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != info.checksum:
                raise ValueError(f"{archive} is not the archive of STL-10, or damaged; delete it")
        features: Any = self.info.features
        features["label"].names = _CLASSES
        return {
            "train": _examples(archive, "train"),
            "test": _examples(archive, "test"),
            "unlabelled": _examples(archive, "unlabeled"),
        }


def _download(url: str, path: Path, checksum: str) -> None:
    """Downloads a file of a known checksum (SHA-256), whole or not at all; OSError if anything fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with replacing(path) as unfinished:
        with requests.get(url, stream=True, timeout=_TIMEOUT) as response, unfinished.open("wb") as file:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            for chunk in tqdm(response.iter_content(_CHUNK), path.name, -(-size // _CHUNK), unit="MiB"):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != checksum:
            raise OSError(f"what came from {url} is not all of the archive, or damaged")


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """Opens one of the archive's files, whose checksum says that it is there."""
    with tarfile.open(archive, "r|gz") as tar:
        yield next(file for found in tar if found.name.endswith(f"/{name}") and (file := tar.extractfile(found)))


def _examples(archive: Path, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The photographs of one of the archive's splits, numbered as they come.

    A photograph is RGB in [0, 255], uint8 [3, x, y], and its label 1 to 10.

    Yields:
        Each photograph's number, and its features as TFDS takes them: an array would be encoded by TensorFlow, a file
        is taken as it is.
    """
    labels = b""
    if split != "unlabeled":
        with _member(archive, f"{split}_y.bin") as file:
            labels = file.read()
    with _member(archive, f"{split}_X.bin") as file:
        for number, record in enumerate(iter(partial(file.read, 3 * _SIDE * _SIDE), b"")):
            pixels = np.frombuffer(record, np.uint8).reshape(3, _SIDE, _SIDE).transpose(2, 1, 0)
            png = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(png, "png")
            png.seek(0)
            yield number, {"image": png, "label": labels[number] - 1 if labels else _NO_LABEL}
