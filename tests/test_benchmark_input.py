"""The input benchmark as a user runs it, in small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "input.py"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path) -> tuple[str, dict]:
    folder = tmp_path_factory.mktemp("benchmark")
    sizes = ["--batch-size=4", "--image-size=32", "--photos=16", "--workers=1", "--rounds=1", "--seconds=0.1"]
    process = subprocess.run(
        [sys.executable, str(SCRIPT), f"--data={photo_folder}", f"--json={folder / 'found.json'}", *sizes],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"},
    )
    assert process.returncode == 0, process.stderr
    return process.stdout, json.loads((folder / "found.json").read_text())


def test_every_mode_is_in_both_tables(result: tuple[str, dict]) -> None:
    table, numbers = result
    for mode in ("device", "host", "none"):
        assert table.count(f"cache={mode}") == 2
        assert numbers["images_per_second"][mode] > 0
        assert 0 < numbers["epoch_gap_share"][mode] < 1
        assert 0 < numbers["wait_share"][mode] < 1
        assert numbers["epoch_seconds"][mode] > 0
    assert numbers["checkpoint_share"] > 0
    assert ("PyTorch is not installed" in table) == (not numbers["ratio_to_data_loader"])
