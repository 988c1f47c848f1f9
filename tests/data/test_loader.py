"""The same batches wherever they come from, and the thread and processes that make them ahead."""

import gc
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import Numbered
from PIL import Image

from pix2pix_jax.data import loader as loading
from pix2pix_jax.data.cache import DoesNotFitError
from pix2pix_jax.data.loader import Loader
from pix2pix_jax.data.sources.folder import open_folders
from pix2pix_jax.errors import UserError

DEVICES = 8


def loader_of(source: object, *, batch_size: int = 8, seed: int = 0, cache: str = "none", **kwargs: object) -> Loader:
    kwargs.setdefault("num_workers", 0)
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


def test_batches_stay_the_same_in_new_versions() -> None:
    # A run resumed with a newer version must go on with the batches it would have had.
    batch = rows(loader_of(Numbered(10), seed=7).batch(0))
    assert batch[:4, 0, 0].tolist() == [[6, 2, 11], [3, 1, 11], [9, 0, 0], [1, 0, 3]]


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
        ("none", 2, "iterate"),
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
def test_auto_is_the_host_where_the_device_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pix2pix_jax.data.device.free_memory", lambda _: 1000)
    assert loader_of(Numbered(5), cache="auto", cache_dir=str(tmp_path)).cache == "host"
    assert "of a device's 0.0 free" in capsys.readouterr().err
    with pytest.raises(DoesNotFitError, match=r"give --config.data.cache=host"):
        loader_of(Numbered(5), cache="device", cache_dir=str(tmp_path))


def test_auto_decodes_anew_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pix2pix_jax.data.cache._DISK_MARGIN", 2**62)
    assert loader_of(Numbered(500), cache="auto", cache_dir=str(tmp_path)).cache == "none"
    assert "has room for 0.0" in capsys.readouterr().err
    with pytest.raises(DoesNotFitError, match=r"give another folder with --config.data.cache_dir=DIR"):
        loader_of(Numbered(500), cache="host", cache_dir=str(tmp_path))


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
    loader = loader_of(Numbered(17), batch_size=batch_size)
    with loader.iterate(3) as batches:
        for step in range(3, 12):
            np.testing.assert_array_equal(next(batches), loader.batch(step))


def test_two_iterators_do_not_disturb_each_other() -> None:
    loader = loader_of(Numbered(17))
    with loader.iterate() as one, loader.iterate(5) as other:
        for step in range(5):
            np.testing.assert_array_equal(next(one), loader.batch(step))
            np.testing.assert_array_equal(next(other), loader.batch(step + 5))


def test_iterating_works_ahead() -> None:
    asked = threading.Semaphore(0)

    class Counting(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            asked.release()
            return super().__getitem__(index)

    with loader_of(Counting(9)).iterate():
        for _ in range(24):  # three batches of eight, though none was asked for
            assert asked.acquire(timeout=5)


def test_closed_iterator_is_at_its_end() -> None:
    batches = loader_of(Numbered(7)).iterate()
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []
    assert not loader_threads()


def test_iterator_that_is_dropped_leaves_no_thread() -> None:
    batches = loader_of(Numbered(7)).iterate()
    next(batches)
    del batches
    gc.collect()


def test_error_in_the_thread_is_raised_by_its_batch() -> None:
    order = indices(loader_of(Numbered(100)).batch(2))

    class Broken(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            if index == order[1]:
                raise UserError("the disk is gone")
            return super().__getitem__(index)

    batches = loader_of(Broken(100)).iterate()
    next(batches)
    next(batches)
    with pytest.raises(UserError, match="the disk is gone"):
        next(batches)
    assert not loader_threads()
    with pytest.raises(StopIteration):
        next(batches)


def test_workers_report_errors_and_end(mixed_photographs: Path, tmp_path: Path) -> None:
    for path in mixed_photographs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    train = source_of(tmp_path)
    loader = loader_of(train, num_workers=2)
    for path in tmp_path.iterdir():
        path.unlink()
    with loader.iterate() as batches, pytest.raises(UserError, match=r"not one of .* images can be decoded"):
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
        with loader_of(train, batch_size=16).iterate() as iterator:
            batches.append([rows(next(iterator)) for _ in range(3)])
        assert list(train.skipped) == ["2.jpg"]
    np.testing.assert_array_equal(*batches)
    assert len(caplog.records) == 2


# --- What cannot be used -----------------------------------------------------------------------


def test_no_photographs() -> None:
    with pytest.raises(UserError, match="no photographs to train on"):
        loader_of(Numbered(0))


def test_numbers_out_of_range() -> None:
    with pytest.raises(UserError, match="batch_size=0: wanted at least 1"):
        loader_of(Numbered(3), batch_size=0)
    with pytest.raises(UserError, match=r"data.num_workers=-1: wanted 0 .* or more"):
        loader_of(Numbered(3), num_workers=-1)


def test_crop_larger_than_the_photograph() -> None:
    with pytest.raises(UserError, match=r"data.resize=64 is less than image_size=96"):
        Loader(Numbered(3), batch_size=1, image_size=96, resize=64, seed=0)
