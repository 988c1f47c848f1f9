"""The decoded set on the disk: made once, mapped from then on, never trusted blindly."""

import errno
import fcntl
import os
import queue
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import Numbered

from pix2pix_jax.data import cache as decoded
from pix2pix_jax.data.cache import DecodedSet, DoesNotFitError, cut_crops, decoded_set
from pix2pix_jax.data.order import Draws
from pix2pix_jax.data.sources.fitted import FittedSource
from pix2pix_jax.errors import UserError

SIDE, RESIZE = 8, 10
CROP = (SIDE, SIDE)


def open_set(source: Numbered, folder: Path) -> DecodedSet:
    return decoded_set(FittedSource(source, SIDE, RESIZE), folder, num_threads=3)


def folder_of(cache: Path) -> Path:
    return cache / f"numbered_{SIDE}_{RESIZE}"


def draws_of(count: int, place: float = 0.0) -> Draws:
    return Draws(np.arange(count), np.full(count, place), np.full(count, place), np.zeros(count, bool))


def test_every_photograph_is_there_whole(tmp_path):
    source = Numbered(700, height=8, mixed=True)
    found = open_set(source, tmp_path)
    assert len(found.pixels) > 1  # several chunks
    first = cut_crops(found, draws_of(700), CROP)
    last = cut_crops(found, draws_of(700, 1 - 1e-9), CROP)
    for number in range(700):
        photo = source[number]
        np.testing.assert_array_equal(first[number], photo[:SIDE, :SIDE])
        np.testing.assert_array_equal(last[number], photo[-SIDE:, -SIDE:])


def test_other_photographs_take_the_place_of_the_old(tmp_path):
    open_set(Numbered(30), tmp_path)
    changed = Numbered(31)
    open_set(changed, tmp_path)
    assert len(changed.asked) == 31
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [folder_of(tmp_path).name]


@pytest.mark.parametrize("damage", ["pixels cut", "places cut", "info cut", "pixels gone"])
def test_damaged_files_are_made_anew(tmp_path, damage, caplog):
    wanted = np.array(open_set(Numbered(30), tmp_path).pixels)
    part, what = damage.split()
    path = folder_of(tmp_path) / {"pixels": "pixels.bin", "places": "places.npy", "info": "info.json"}[part]
    if what == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.unlink()
    (tmp_path / f"{folder_of(tmp_path).name}.partial").mkdir()  # as a killed process leaves it
    source = Numbered(30)
    np.testing.assert_array_equal(open_set(source, tmp_path).pixels, wanted)
    assert len(source.asked) == 30
    (record,) = caplog.records
    assert str(folder_of(tmp_path)) in record.getMessage()
    assert not list(tmp_path.glob("*.partial"))


def test_an_error_leaves_nothing_behind(tmp_path):
    class Broken(Numbered):
        def __getitem__(self, index: int, /) -> np.ndarray:
            if index == 20:
                raise UserError("the disk is gone")
            return super().__getitem__(index)

    with pytest.raises(UserError, match="the disk is gone"):
        open_set(Broken(30), tmp_path)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_disk_with_too_little_room_is_seen_ahead(tmp_path, monkeypatch):
    usage = decoded.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda _: usage._replace(free=2**26 + 100_000))
    source = Numbered(5000)
    with pytest.raises(DoesNotFitError, match=r"--config.data.cache=none"):
        open_set(source, tmp_path)
    assert len(source.asked) < 1000
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_disk_that_fills(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # writing fails half way, as on a full disk
    try:
        with pytest.raises(UserError, match=r"cannot be kept in .* \(File too large\).*--config.data.cache_dir=DIR"):
            open_set(Numbered(3000), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_drive_without_locks(tmp_path, monkeypatch, caplog):
    def no_lock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_lock)
    open_set(Numbered(3), tmp_path)
    (record,) = caplog.records
    assert os.strerror(errno.ENOLCK) in record.getMessage()


def test_waiting_for_another_process_is_told_of(tmp_path):
    notes = queue.SimpleQueue()
    source = FittedSource(Numbered(3), SIDE, RESIZE)
    with (tmp_path / f"{source.name}.lock").open("w") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = pool.submit(decoded_set, source, tmp_path, 1, notes.put)
        note = notes.get(timeout=60)
        fcntl.flock(lock, fcntl.LOCK_UN)
        found.result(timeout=10)
    assert str(tmp_path) in note
