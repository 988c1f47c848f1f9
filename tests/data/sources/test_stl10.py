"""STL-10: a small archive of its layout, from a real server, through TFDS to pixels."""

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from helpers import ROOT
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.datasets.stl10 import stl10_dataset_builder as original
from tfds_sets import notes_of, refusal

from pix2pix_jax.data.sources.stl10 import Stl10Builder
from pix2pix_jax.data.sources.tfds import TfdsSource, open_tfds

COUNTS = {"train": 6, "test": 5, "unlabelled": 7}
FILE = "stl10_binary.tar.gz"


def photographs(split: str) -> np.ndarray:
    """Different photographs, none like its mirror image, its transpose or its colours swapped: [N, 96, 96, 3]."""
    first = {"train": 10, "test": 40, "unlabelled": 70}[split]
    y, x = np.mgrid[:96, :96]
    return np.stack([np.stack([y, 2 * x, 200 - y - x // 3 + n], -1) + first + n for n in range(COUNTS[split])]).astype(
        np.uint8
    )


def labels(split: str) -> list[int]:
    """0 to 9, as TFDS has them."""
    return [(3 * n + len(split)) % 10 for n in range(COUNTS[split])]


def make_archive() -> bytes:
    """An archive as the authors of STL-10 made theirs: channel by channel, column by column, classes from 1."""
    files = {}
    for split, stem in (("test", "test"), ("train", "train"), ("unlabelled", "unlabeled")):
        files[f"{stem}_X.bin"] = b"".join(
            photograph[:, x, channel].tobytes()
            for photograph in photographs(split)
            for channel in range(3)
            for x in range(96)
        )
        if split != "unlabelled":
            files[f"{stem}_y.bin"] = bytes(label + 1 for label in labels(split))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        folder = tarfile.TarInfo("stl10_binary")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"stl10_binary/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path_factory, monkeypatch):
    """The archive as a file that a server serves, of which the builder is told."""
    file = tmp_path_factory.mktemp("served") / FILE
    file.write_bytes(make_archive())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=file.parent)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        use_url(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}/{FILE}", file.read_bytes())
        yield file
        server.shutdown()
        thread.join()


def use_url(monkeypatch: pytest.MonkeyPatch, url: str, content: bytes) -> None:
    """Has the builder download from elsewhere, and expect that content."""
    info = UrlInfo(size=tfds.core.utils.Size(len(content)), checksum=hashlib.sha256(content).hexdigest(), filename=FILE)
    monkeypatch.setattr(Stl10Builder, "url", url)
    monkeypatch.setattr(Stl10Builder, "url_infos", {url: info})


def keys(split: str, images: np.ndarray) -> list[int]:
    """Which photographs of a split these are, exactly."""
    known = {photograph.tobytes(): number for number, photograph in enumerate(photographs(split))}
    return [known[image.tobytes()] for image in images]


def open_stl10(folder: Path) -> tuple[TfdsSource, TfdsSource]:
    return open_tfds("stl10", "", "", 0.5, tfds_dir=str(folder))


def test_from_the_archive_to_pixels(served, tmp_path, caplog):
    train, held_out = open_stl10(tmp_path)
    (note,) = notes_of(caplog)
    assert str(tmp_path / "downloads") in note
    assert str(tmp_path / "stl10" / "1.0.0") in note

    assert (train.name, held_out.name) == ("stl10", "stl10")
    assert (len(train), len(held_out)) == (13, 5)
    images = np.stack([train[i] for i in range(13)])
    assert images.dtype == np.uint8
    assert sorted(keys("unlabelled", images[:7])) == list(range(7))
    assert sorted(keys("train", images[7:])) == list(range(6))
    assert sorted(keys("test", np.stack([held_out[i] for i in range(5)]))) == list(range(5))
    served.unlink()
    (tmp_path / "downloads" / "manual" / FILE).unlink()
    again, _ = open_stl10(tmp_path)
    assert len(notes_of(caplog)) == 1
    assert again.fingerprint() == train.fingerprint()
    np.testing.assert_array_equal(np.stack([again[i] for i in range(13)]), images)


def test_what_is_prepared_is_what_tfds_prepares(served, tmp_path):
    open_stl10(tmp_path)
    builder = original.Builder(data_dir=tmp_path)
    info = builder.info
    assert info.full_name == "stl10/1.0.0"
    assert str(info.file_format.value) == "array_record"
    assert {name: split.num_examples for name, split in info.splits.items()} == COUNTS
    assert info.features["label"].names[::9] == ["airplane", "truck"]
    for split in COUNTS:
        records = list(builder.as_data_source(split))
        numbers = keys(split, np.stack([record["image"] for record in records]))
        expected = labels(split) if split != "unlabelled" else [-1] * COUNTS[split]
        assert [record["label"] for record in records] == [expected[number] for number in numbers]


def test_archive_put_by_hand(served, tmp_path):
    content = served.read_bytes()
    served.unlink()
    archive = tmp_path / "downloads" / "manual" / FILE
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"something else")
    message = refusal("stl10", tmp_path)
    assert str(archive) in message
    assert "delete it" in message
    archive.write_bytes(content)
    assert len(open_stl10(tmp_path)[0]) == 13


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "no network"])
def test_a_broken_download_leaves_nothing_behind(served, tmp_path, monkeypatch, damage):
    good, url = served.read_bytes(), Stl10Builder.url
    if damage == "no network":
        use_url(monkeypatch, f"http://127.0.0.1:9/{FILE}", good)
    elif damage == "missing":
        served.unlink()
    else:
        served.write_bytes(good[:5000] + (b"?" + good[5001:] if damage == "changed" else b""))
    message = refusal("stl10", tmp_path)
    assert "could not be prepared" in message
    assert "--config.data.source=bundled" in message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    served.write_bytes(good)
    use_url(monkeypatch, url, good)
    open_stl10(tmp_path)


@pytest.mark.process
def test_tensorflow_is_not_imported(served, tmp_path):
    manual = tmp_path / "downloads" / "manual" / FILE
    manual.parent.mkdir(parents=True)
    manual.write_bytes(served.read_bytes())
    code = (
        "import sys; from pathlib import Path; import pix2pix_jax.data.sources.tfds as data; "
        "assert 'tensorflow_datasets' not in sys.modules; "
        f"sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(Path(__file__).parent)!r}]; "
        "import pytest; import test_stl10 as test; "
        f"test.use_url(pytest.MonkeyPatch(), '{Stl10Builder.url}', Path('{manual}').read_bytes()); "
        f"train, held_out = data.open_tfds('stl10', '', '', 0.5, tfds_dir='{tmp_path}'); "
        "assert train[0].shape == held_out[0].shape == (96, 96, 3); "
        "train.fingerprint(); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)
