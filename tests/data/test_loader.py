"""The same batches wherever they come from, and the threads that make them ahead."""

import gc
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


def indices(batch: jax.Array) -> list[int]:
    return rows(batch)[:, 0, 0, 0].tolist()


def loader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    yield
    deadline = time.monotonic() + 5
    while loader_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not loader_threads()


# --- Batches -----------------------------------------------------------------------------------


def test_batch_is_uint8_of_the_right_shape_on_all_devices() -> None:
    batch = loader_of(Numbered(7), batch_size=16).batch(0)
    assert batch.shape == (DEVICES, 2, 8, 8, 3)
    assert batch.dtype == np.uint8
    assert len(batch.sharding.device_set) == DEVICES


def test_crops_and_mirroring_are_those_drawn() -> None:
    batch = rows(loader_of(Numbered(100), batch_size=104).batch(0))
    mirrored = [crop[0, 0, 2] > crop[0, -1, 2] for crop in batch]
    assert 30 < sum(mirrored) < 74
    upright = [crop[:, ::-1] if turned else crop for crop, turned in zip(batch, mirrored, strict=True)]
    corners = {tuple(crop[0, 0, 1:].tolist()) for crop in upright}
    assert corners == {(top, left) for top in range(3) for left in range(5)}
    for crop in upright:
        top, left = crop[0, 0, 1:]
        np.testing.assert_array_equal(crop, Numbered(100)[int(crop[0, 0, 0])][top : top + 8, left : left + 8])


@pytest.fixture(scope="module")
def mixed_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def wanted(mixed_photographs: Path) -> list[np.ndarray]:
    loader = loader_of(source_of(mixed_photographs), batch_size=16)
    return [rows(loader.batch(step)) for step in range(2, 8)]


@pytest.mark.parametrize(
    ("cache", "num_workers", "batches_from"),
    [
        ("host", 1, "batch"),
        ("host", 1, "iterate"),
        ("device", 2, "iterate"),
        ("none", 0, "iterate"),
        ("none", 3, "iterate"),
    ],
)
def test_every_way_gives_the_same_batches(
    cache: str, num_workers: int, batches_from: str, mixed_photographs: Path, wanted: list[np.ndarray], tmp_path: Path
) -> None:
    loader = loader_of(
        source_of(mixed_photographs), batch_size=16, cache=cache, cache_dir=str(tmp_path), num_workers=num_workers
    )
    assert loader.cache == cache
    assert (next(tmp_path.glob("**/pixels.bin"), None) is None) == (cache == "none")
    if batches_from == "batch":
        found = [rows(loader.batch(step)) for step in range(2, 8)]
    else:
        with loader.iterate(2) as batches:
            found = [rows(next(batches)) for _ in range(6)]
    np.testing.assert_array_equal(found, wanted)


# --- Where they are kept -----------------------------------------------------------------------


def test_auto_is_the_host_on_a_cpu(tmp_path: Path) -> None:
    assert loader_of(Numbered(5), cache="auto", cache_dir=str(tmp_path)).cache == "host"


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.jax, "default_backend", lambda: "gpu")


@pytest.mark.usefixtures("accelerator")
def test_auto_is_the_device_where_there_is_room(tmp_path: Path) -> None:
    assert loader_of(Numbered(5), cache="auto", cache_dir=str(tmp_path)).cache == "device"


@pytest.mark.usefixtures("accelerator")
def test_auto_is_the_host_where_the_device_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix2pix_jax.data.device.free_memory", lambda _: 1000)
    notes: list[str] = []
    assert loader_of(Numbered(5), cache="auto", cache_dir=str(tmp_path), notify=notes.append).cache == "host"
    assert "--config.data.cache=host" in notes[-1]
    with pytest.raises(DoesNotFitError, match=r"--config.data.cache=host"):
        loader_of(Numbered(5), cache="device", cache_dir=str(tmp_path))


def test_auto_decodes_anew_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix2pix_jax.data.cache._DISK_MARGIN", 2**62)
    notes: list[str] = []
    assert loader_of(Numbered(500), cache="auto", cache_dir=str(tmp_path), notify=notes.append).cache == "none"
    assert "--config.data.cache=none" in notes[-1]
    with pytest.raises(DoesNotFitError, match=r"--config.data.cache_dir=DIR"):
        loader_of(Numbered(500), cache="host", cache_dir=str(tmp_path))


def test_decoding_is_told_of_and_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pix2pix_jax.data.cache._SECONDS_BETWEEN_NOTES", 0.0)
    notes: list[str] = []
    loader_of(Numbered(300), cache="host", cache_dir=str(tmp_path), notify=notes.append)
    assert "300" in notes[0]
    assert str(tmp_path) in notes[0]
    assert "256 of 300" in notes[-1]
    loader_of(Numbered(301), cache="host", cache_dir=str(tmp_path))
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_second_start_decodes_nothing(tmp_path: Path) -> None:
    loader_of(Numbered(40), cache="host", cache_dir=str(tmp_path))
    source = Numbered(40)
    for cache in ("host", "device"):
        with loader_of(source, cache=cache, cache_dir=str(tmp_path)).iterate() as batches:
            for _ in range(6):
                next(batches)
    assert source.asked == []


def test_the_default_place_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loader_of(Numbered(4), cache="host")
    assert (tmp_path / "pix2pix_jax" / "decoded" / "numbered_8_10" / "pixels.bin").exists()


# --- Making them ahead -------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [8, 40])
def test_iterate_gives_the_batches_in_order(batch_size: int) -> None:
    class Uneven(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            time.sleep(0.001 * (index % 3))
            return super().__getitem__(index)

    loader = loader_of(Uneven(17), batch_size=batch_size, num_workers=4)
    with loader.iterate(3) as batches:
        for step in range(3, 12):
            np.testing.assert_array_equal(next(batches), loader.batch(step))


def test_iterating_works_ahead() -> None:
    asked = threading.Semaphore(0)

    class Counting(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            asked.release()
            return super().__getitem__(index)

    with loader_of(Counting(9)).iterate():
        for _ in range(24):  # three batches of eight, though none was asked for
            assert asked.acquire(timeout=5)


def test_iterator_that_is_dropped_leaves_no_thread() -> None:
    batches = loader_of(Numbered(7)).iterate()
    next(batches)
    del batches
    gc.collect()  # the fixture sees to it that no thread is left


def test_error_in_the_thread_is_raised_by_its_batch() -> None:
    order = indices(loader_of(Numbered(100)).batch(2))

    class Broken(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            if index == order[1]:
                raise UserError("the disk is gone")
            return super().__getitem__(index)

    batches = loader_of(Broken(100), num_workers=3).iterate()
    next(batches)
    next(batches)
    with pytest.raises(UserError, match="the disk is gone"):
        next(batches)
    assert not loader_threads()
    with pytest.raises(StopIteration):
        next(batches)


def test_folder_with_a_truncated_photograph_trains_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i in range(6):
        Image.effect_noise((64, 48), 40 + i).convert("RGB").save(tmp_path / f"{i}.jpg")
    cut = tmp_path / "2.jpg"
    cut.write_bytes(cut.read_bytes()[:-400])
    batches = []
    for _ in range(2):
        train, _ = open_folders(str(tmp_path), "", 0.1, shorter_side=10)
        assert "2.jpg" in train.files
        with loader_of(train, batch_size=16, num_workers=3).iterate() as iterator:
            batches.append([rows(next(iterator)) for _ in range(3)])
        assert list(train.skipped) == ["2.jpg"]
    np.testing.assert_array_equal(*batches)
    assert len(caplog.records) == 2


def run_script(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = folder / "script.py"
    file.write_text(textwrap.dedent(script))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": ""}
    command = [sys.executable, str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.process
def test_a_script_needs_no_main_guard(mixed_photographs: Path, tmp_path: Path) -> None:
    script = """
        import sys
        from pix2pix_jax.data import Loader, open_folder

        source = open_folder(sys.argv[1], "root", shorter_side=10)
        loader = Loader(source, batch_size=16, image_size=8, resize=10, seed=0, cache="none", num_workers=2)
        with loader.iterate() as batches:
            print(next(batches).shape)
    """
    result = run_script(tmp_path, script, str(mixed_photographs))
    assert (result.returncode, result.stdout) == (0, "(1, 16, 8, 8, 3)\n"), result.stderr


@pytest.mark.process
def test_memory_stays_level_on_a_set_that_does_not_fit(tmp_path: Path) -> None:
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
    result = run_script(tmp_path, script, str(photographs))
    assert result.returncode == 0, result.stderr
    first, _, third = map(int, result.stdout.split())
    assert third == pytest.approx(first, rel=0.1)


# --- What cannot be used -----------------------------------------------------------------------


def test_no_photographs() -> None:
    with pytest.raises(UserError, match="no photographs to train on"):
        loader_of(Numbered(0))


def test_numbers_out_of_range() -> None:
    with pytest.raises(UserError, match="batch_size=0: wanted at least 1"):
        loader_of(Numbered(3), batch_size=0)
    with pytest.raises(UserError, match=r"data.num_workers=-1"):
        loader_of(Numbered(3), num_workers=-1)


def test_crop_larger_than_the_photograph() -> None:
    with pytest.raises(UserError, match=r"data.resize=64 is less than image_size=96"):
        Loader(Numbered(3), batch_size=1, image_size=96, resize=64, seed=0)
