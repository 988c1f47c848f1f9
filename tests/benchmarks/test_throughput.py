"""The throughput benchmark as a user runs it, in small."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT

from benchmarks import throughput

SCRIPT = str(ROOT / "benchmarks" / "throughput.py")
# Without a discriminator, which would take as long again to compile.
SIZES = ("--batch-size=2", "--image-size=32", "--steps=1", "--experiment=ycrcb_l1")


def run(*arguments: str, python_path: str = "") -> str:
    # Beside other tests, threads that wait by spinning keep those that they wait for from the cores.
    calm = {"OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.run(
        [sys.executable, SCRIPT, *SIZES, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | calm | ({"PYTHONPATH": python_path} if python_path else {}),
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def only(*names: str) -> list[str]:
    return [f"--only={name}" for name in names]


@pytest.mark.process
def test_measured_rows_are_consistent(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    table = run(*only("torch-seed", "ours-float32"), f"--json={tmp_path / 'found.json'}")
    result = json.loads((tmp_path / "found.json").read_text())
    rows = {row["name"]: row for row in result["rows"]}
    assert set(rows) == {"torch-seed", "ours-float32"}
    for row in rows.values():
        assert row["not_run"] is None
        low, high = row["spread"]
        assert 0 < low <= row["step_seconds"] <= high
        assert row["images_per_second"] == pytest.approx(2 / row["step_seconds"])
        assert row["peak_bytes"] > 0
        assert row["compile_seconds"] >= 0
    assert 0 <= result["others_share"] <= 1
    ratio = rows["torch-seed"]["step_seconds"] / rows["ours-float32"]["step_seconds"]
    assert result["ratios"] == {
        "float32_step": pytest.approx(ratio),
        "bfloat16_step": None,
        "float32_inference": None,
    }
    assert rows["ours-float32"]["ratio_any"] == pytest.approx(ratio)
    assert rows["torch-seed"]["ratio_any"] == 1
    assert {"jax", "torch"} <= set(result["versions"])
    assert "Training step" in table
    assert "Colouring alone" not in table


@pytest.mark.process
def test_without_pytorch_ours_is_timed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch', name='torch')\n")
    file = tmp_path / "found.json"
    rows = only("torch-seed", "ours-float32-inference")
    output = run(*rows, f"--json={file}", python_path=str(tmp_path))
    assert "not run: PyTorch is not installed" in output
    theirs, ours = json.loads(file.read_text())["rows"]
    assert theirs["not_run"] == "PyTorch is not installed"
    assert ours["step_seconds"] > 0
    assert ours["ratio_any"] is None


def workers_of(parent: int) -> list[int]:
    """The processes that another has started to measure in."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            pass
    return found


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
def test_a_kill_ends_the_workers_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, SCRIPT, *SIZES, *only("ours-float32")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    with process.stdout:
        assert any(line == "warming up ours-float32\n" for line in process.stdout)
        time.sleep(1)  # the worker imports and compiles
        workers = workers_of(process.pid)
        assert workers
        process.terminate()
        assert process.wait(5) == 128 + signal.SIGTERM
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert not list(tmp_path.iterdir())


def test_an_unknown_row_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        throughput.parse_arguments(["--only=ours-flaot32"])
    assert "torch-seed" in capsys.readouterr().err
