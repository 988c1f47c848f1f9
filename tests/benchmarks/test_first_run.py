import json

import pytest

from benchmarks import first_run
from pix2pix_jax.config import validate


def arguments(tmp_path, *flags):
    return first_run.parse_arguments([f"--out={tmp_path}", *flags])


@pytest.mark.parametrize("flags", [[], ["--tiny"], ["--data=photos"]])
def test_its_config_is_valid(tmp_path, flags):
    validate(first_run._config(arguments(tmp_path, *flags)), device_count=1)


def test_the_parts_take_the_time_that_there_is(tmp_path):
    assert sum(job.share for job in first_run.jobs(arguments(tmp_path))) == pytest.approx(1.0)


def test_a_part_that_takes_too_long_is_stopped_and_the_log_is_kept(tmp_path):
    code = "import time; print('begun', flush=True); time.sleep(60)"
    found = first_run._run(first_run.Job("slow", 1.0, ["-c", code], {}), tmp_path, seconds=2.0)
    assert found["stopped"]
    assert found["seconds"] < 30
    assert (tmp_path / "slow.log").read_text() == "begun\n"


@pytest.mark.process
def test_a_rehearsal_leaves_the_profile_and_the_run(tmp_path):
    parts = [job for job in first_run.jobs(arguments(tmp_path, "--tiny")) if job.name in ("profile", "training")]
    for job in parts:
        assert first_run._run(job, tmp_path, seconds=200.0)["status"] == 0, (tmp_path / f"{job.name}.log").read_text()
    assert list((tmp_path / "profile").rglob("*.trace.json.gz"))
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 4
    assert (tmp_path / "run" / "curves.png").exists()
