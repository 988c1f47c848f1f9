"""A run's folder: who may train in it, and with what."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.runs import RunFolder

PHOTOGRAPHS = {"to train on": (3, "a"), "held out": (1, "b")}


def test_a_second_one_is_refused_until_the_first_ends(tmp_path: Path):
    with RunFolder(tmp_path), pytest.raises(UserError, match="another process trains"):
        RunFolder(tmp_path)
    with RunFolder(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_drive_without_locks_is_warned_of(tmp_path: Path, monkeypatch, caplog, number: int):
    def no_lock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_lock)
    with RunFolder(tmp_path) as folder:
        folder.claim(default_config(), PHOTOGRAPHS, resuming=False)
    (record,) = caplog.records
    assert os.strerror(number) in record.getMessage()


@pytest.mark.parametrize(
    ("key", "value", "may_change"),
    [("adam.learning_rate", 1e-5, True), ("adam.schedule_end", 7, True), ("adam.b1", 0.9, False), ("seed", 1, False)],
)
def test_which_keys_may_change_and_that_they_are_recorded(tmp_path: Path, key: str, value: float, may_change: bool):
    config = default_config()
    other = updated(config, {key: value})
    with RunFolder(tmp_path) as folder:
        folder.claim(config, PHOTOGRAPHS, resuming=False)
        if may_change:
            folder.claim(other, PHOTOGRAPHS, resuming=True)
            assert folder.config() == other
        else:
            with pytest.raises(UserError, match=key):
                folder.claim(other, PHOTOGRAPHS, resuming=True)
            assert folder.config() == config
