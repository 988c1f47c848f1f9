"""The same batches wherever they come from, and the threads that make them ahead."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import ROOT, Numbered
from PIL import Image

from pix2pix_jax.data import loader as loading
from pix2pix_jax.data.cache import DoesNotFitError
from pix2pix_jax.data.loader import Loader
from pix2pix_jax.data.sources.folder import open_folders
from pix2pix_jax.errors import UserError

DEVICES = 8


def loader_of(source: object, *, batch_size: int = 8, seed: int = 0, cache: str = "none", **kwargs: object) -> Loader:
    return Loader(source, batch_size=batch_size, image_size=8, resize=10, seed=seed, cache=cache, **kwargs)  # type: ignore[arg-type]


def rows(batch: jax.Array) -> np.ndarray:
    """A batch's rows in order, whatever device they are on."""
    return np.asarray(batch).reshape(-1, *batch.shape[2:])


def test_crops_and_mirroring_are_those_drawn():
    batch = loader_of(Numbered(100), batch_size=104).batch(0)
    assert batch.shape == (DEVICES, 13, 8, 8, 3)
    assert batch.dtype == np.uint8
    assert len(batch.sharding.device_set) == DEVICES
    batch = rows(batch)
    mirrored = [crop[0, 0, 2] > crop[0, -1, 2] for crop in batch]
    assert 30 < sum(mirrored) < 74
    upright = [crop[:, ::-1] if turned else crop for crop, turned in zip(batch, mirrored, strict=True)]
    corners = {tuple(crop[0, 0, 1:].tolist()) for crop in upright}
    assert corners == {(top, left) for top in range(3) for left in range(5)}
    for crop in upright:
        top, left = crop[0, 0, 1:]
        np.testing.assert_array_equal(crop, Numbered(100)[int(crop[0, 0, 0])][top : top + 8, left : left + 8])


@pytest.fixture(scope="module")
def mixed_photographs(tmp_path_factory):
    """Landscapes, portraits, small and large ones, one long, one grey; and one file that is cut short."""
    folder = tmp_path_factory.mktemp("mixed")
    sizes = [(10, 10), (40, 30), (30, 40), (9, 50), (8, 8), (3, 5), (200, 20), (64, 64), (12, 10)]
    for number, size in enumerate(sizes):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    Image.effect_noise((20, 20), 50).save(folder / "gray.png")
    cut = folder / "cut.png"
    Image.effect_noise((64, 48), 40).convert("RGB").save(cut)
    cut.write_bytes(cut.read_bytes()[:-600])
    return folder


def source_of(folder: Path):
    train, _ = open_folders(str(folder), "", 0.05, shorter_side=10)
    return train


@pytest.fixture(scope="module")
def wanted(mixed_photographs):
    loader = loader_of(source_of(mixed_photographs), batch_size=16)
    return [rows(loader.batch(step)) for step in range(2, 8)]


@pytest.mark.parametrize(("cache", "num_workers"), [("host", 1), ("device", 2), ("none", 0), ("none", 3)])
def test_every_way_gives_the_same_batches(cache, num_workers, mixed_photographs, wanted, tmp_path):
    loader = loader_of(
        source_of(mixed_photographs), batch_size=16, cache=cache, cache_dir=str(tmp_path), num_workers=num_workers
    )
    assert loader.cache == cache
    assert (next(tmp_path.glob("**/pixels.bin"), None) is None) == (cache == "none")
    with loader.iterate(2) as batches:
        found = [rows(next(batches)) for _ in range(6)]
    np.testing.assert_array_equal(found, wanted)


def test_auto_is_the_device_where_there_is_room_or_else_the_host(tmp_path, monkeypatch):
    notes: list[str] = []

    def auto() -> str:
        return loader_of(Numbered(5), cache="auto", cache_dir=str(tmp_path), notify=notes.append).cache

    assert auto() == "host"  # on a CPU
    monkeypatch.setattr(loading.jax, "default_backend", lambda: "gpu")
    assert auto() == "device"
    monkeypatch.setattr("pix2pix_jax.data.device.free_memory", lambda _: 1000)
    assert auto() == "host"
    assert "--config.data.cache=host" in notes[-1]
    with pytest.raises(DoesNotFitError, match=r"--config.data.cache=host"):
        loader_of(Numbered(5), cache="device", cache_dir=str(tmp_path))


def test_auto_decodes_anew_where_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_jax.data.cache._DISK_MARGIN", 2**62)
    notes: list[str] = []
    assert loader_of(Numbered(500), cache="auto", cache_dir=str(tmp_path), notify=notes.append).cache == "none"
    assert "--config.data.cache=none" in notes[-1]
    with pytest.raises(DoesNotFitError, match=r"--config.data.cache_dir=DIR"):
        loader_of(Numbered(500), cache="host", cache_dir=str(tmp_path))


def test_decoding_is_told_of_and_nothing_is_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("pix2pix_jax.data.cache._SECONDS_BETWEEN_NOTES", 0.0)
    notes: list[str] = []
    loader_of(Numbered(300), cache="host", cache_dir=str(tmp_path), notify=notes.append)
    assert "300" in notes[0]
    assert str(tmp_path) in notes[0]
    assert "256 of 300" in notes[-1]
    loader_of(Numbered(301), cache="host", cache_dir=str(tmp_path))
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_second_start_decodes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loader_of(Numbered(40), cache="host")
    assert (tmp_path / "pix2pix_jax" / "decoded" / "numbered_8_10" / "pixels.bin").exists()
    source = Numbered(40)
    for cache in ("host", "device"):
        loader_of(source, cache=cache).batch(0)
    assert source.asked == []


def test_batches_are_made_ahead_and_come_in_order():
    asked = threading.Semaphore(0)

    class Uneven(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            asked.release()
            time.sleep(0.001 * (index % 3))
            return super().__getitem__(index)

    loader = loader_of(Uneven(17), num_workers=4)
    with loader.iterate(3) as batches:
        for _ in range(24):  # three batches of eight, though none was asked for
            assert asked.acquire(timeout=5)
        for step in range(3, 12):
            np.testing.assert_array_equal(next(batches), loader.batch(step))


def test_error_in_the_thread_is_raised_by_its_batch():
    order = rows(loader_of(Numbered(100)).batch(2))[:, 0, 0, 0]

    class Broken(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            if index == order[1]:
                raise UserError("the disk is gone")
            return super().__getitem__(index)

    with loader_of(Broken(100), num_workers=3).iterate() as batches:
        next(batches)
        next(batches)
        with pytest.raises(UserError, match="the disk is gone"):
            next(batches)
        with pytest.raises(StopIteration):
            next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


@pytest.mark.process
def test_memory_stays_level_on_a_set_that_does_not_fit(tmp_path):
    """Three epochs of a set of 230 MB, decoded, by a process that may take 120 MB more than it starts with."""
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(300):
        pixels = np.full((512, 512, 3), number % 256, np.uint8)
        pixels[::7] += np.uint8(1)
        Image.fromarray(pixels).save(photographs / f"{number:03d}.png", compress_level=1)
    script = """
        import resource, sys
        from pix2pix_jax.data import Loader, open_folder

        def memory(name):
            lines = open("/proc/self/status").read().splitlines()
            return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024

        source = open_folder(sys.argv[1], "root", shorter_side=512)
        assert sum(photo.nbytes for photo in map(source.__getitem__, range(len(source)))) > 230e6
        loader = Loader(source, batch_size=27, image_size=64, resize=512, seed=0, cache="none", num_workers=2)
        with loader.iterate() as batches:
            next(batches)
            resource.setrlimit(resource.RLIMIT_DATA, (memory("VmData") + 120_000_000,) * 2)
            for epoch in range(3):
                for _ in range(11):
                    next(batches)
                print(memory("VmRSS"))
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(photographs)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": ""},
    )
    assert result.returncode == 0, result.stderr
    first, _, third = map(int, result.stdout.split())
    assert third == pytest.approx(first, rel=0.1)


@pytest.mark.parametrize(
    ("count", "image_size", "message"),
    [(0, 8, "no photographs to train on"), (3, 96, "data.resize=10 is less than image_size=96")],
)
def test_what_cannot_be_used(count, image_size, message):
    with pytest.raises(UserError, match=message):
        Loader(Numbered(count), batch_size=8, image_size=image_size, resize=10, seed=0)
