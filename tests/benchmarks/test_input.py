"""The input benchmark as a user runs it, in small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

SIZES = ("--image-size=32", "--workers=1", "--experiment=ycrcb_l1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "input.py"), *SIZES, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"},
    )


@pytest.mark.process
@pytest.mark.parametrize("data", ["photo_folder", ""])
def test_every_mode_is_measured(data: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = [f"--data={request.getfixturevalue(data)}"] if data else []
    process = run(*folder, "--batch-size=8", "--photos=16", f"--json={tmp_path / 'found.json'}")
    assert process.returncode == 0, process.stderr
    numbers = json.loads((tmp_path / "found.json").read_text())
    assert set(numbers["modes"]) == {"device", "host", "none"}
    for mode, shares in numbers["modes"].items():
        assert f"cache={mode}" in process.stdout
        assert 0 < shares["epoch_gap_share"] < 1
        assert 0 < shares["wait_share"] < 1
        assert shares["epoch_seconds"] > 0
    assert numbers["checkpoint_share"] > 0


@pytest.mark.process
def test_too_few_photographs_are_an_error_of_one_line(photo_folder: Path) -> None:
    process = run(f"--data={photo_folder}", "--batch-size=64")
    assert process.returncode == 1
    assert process.stderr.startswith("error: --batch-size=64 is more than the 24 photographs")
    assert process.stderr.count("\n") == 1
