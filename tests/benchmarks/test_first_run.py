import json
from pathlib import Path

import pytest

from benchmarks import first_run


def parts(tmp_path: Path, *flags: str) -> dict:
    return first_run.parts(first_run.parse_arguments([f"--out={tmp_path}", *flags]))


def test_the_parts_take_the_time_that_there_is(tmp_path: Path) -> None:
    assert sum(share for share, _ in parts(tmp_path).values()) == pytest.approx(1.0)


def test_a_part_that_takes_too_long_is_stopped_and_the_log_is_kept(tmp_path: Path) -> None:
    code = "import time; print('begun', flush=True); time.sleep(60)"
    found = first_run.run(["-c", code], tmp_path / "slow.log", seconds=2.0)
    assert found["stopped"]
    assert found["seconds"] < 30
    assert (tmp_path / "slow.log").read_text() == "begun\n"


@pytest.mark.process
def test_a_rehearsal_leaves_the_profile_and_the_run(tmp_path: Path) -> None:
    for name, (_, command) in parts(tmp_path, "--tiny").items():
        if name in ("profile", "training"):
            log = tmp_path / f"{name}.log"
            assert first_run.run(command, log, seconds=200.0)["status"] == 0, log.read_text()
    assert list((tmp_path / "profile").rglob("*.trace.json.gz"))
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 4
    assert (tmp_path / "run" / "curves.png").exists()
