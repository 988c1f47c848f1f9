"""What the throughput benchmark makes of times, here of such as were never measured."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import throughput
from benchmarks.timing import report, result
from benchmarks.timing.rows import ROWS, probe, row_jobs
from benchmarks.timing.workers import WARM_UP, Worker

ARGUMENTS = throughput.parse_arguments(["--batch-size=64", "--image-size=32"])


@pytest.fixture
def made() -> dict:
    facts = {"backend": "cpu", "device": "cpu", "devices": 1, "versions": {"jax": "1.0"}}
    workers = {}
    for number, row in enumerate(ROWS, start=1):
        workers[row.name] = worker = Worker(row_jobs(row, probe(ARGUMENTS), facts, Path())[0])
        turns = (2.0 / number, 1.0 / number, 9.0 / number)
        worker.turns = [{"step": seconds, "capacity": 10.0, "others": 0.1} for seconds in turns]
        worker.started = {"peak_bytes": 2**30, "warm_up_seconds": 10.0}
    workers["torch-compile"].reason = "no working C++ compiler"
    return result.describe(ARGUMENTS, facts, workers, 3)


def test_ratios_are_quotients_of_medians(made: dict) -> None:
    rows = {row["name"]: row for row in made["rows"]}
    assert rows["torch-compile"]["not_run"] == "no working C++ compiler"
    assert rows["ours-float32"]["step_seconds"] == 2 / 5  # the fifth row
    # The fastest of PyTorch's in float32 is the fourth, in any precision the seventh.
    assert rows["ours-float32"]["ratio_same_precision"] == pytest.approx((2 / 4) / (2 / 5))
    assert rows["ours-float32"]["ratio_any"] == pytest.approx((2 / 7) / (2 / 5))
    assert rows["ours-float32"]["compile_seconds"] == pytest.approx(10 - WARM_UP * 2 / 5)
    for name, row, best in (("float32_step", 5, 4), ("bfloat16_step", 8, 7), ("float32_inference", 12, 11)):
        assert made["ratios"][name] == pytest.approx(row / best)
    assert made["others_share"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu avx avx2", "Maker 9 (AVX2)"),
        ("avx2 avx512f avx512_bf16", "Maker 9 (AVX-512 with bfloat16)"),
        ("", "Maker 9"),
    ],
)
def test_a_cpu_is_named_with_its_vector_instructions(flags, name, monkeypatch) -> None:
    cpuinfo = f"processor\t: 0\nmodel name\t: Maker 9\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    monkeypatch.setattr(Path, "read_text", lambda path: cpuinfo)
    made = result.describe(ARGUMENTS, {"backend": "cpu", "versions": {}}, {}, 1)
    assert made["device"].startswith(f"{name}, ")


def test_scaling_keeps_the_images_of_a_device() -> None:
    def jobs(**facts: object) -> list:
        rows = [row for row in ROWS if row.group == "scaling"]
        return [job for row in rows for job in row_jobs(row, probe(ARGUMENTS), facts, Path())]

    on_cpu = jobs(backend="cpu", devices=1)
    assert [job.batch_size for job in on_cpu] == [8, 16, 32, 64]
    assert on_cpu[-1].environment["XLA_FLAGS"].endswith("device_count=8")
    assert [job.batch_size for job in jobs(backend="gpu", devices=2)] == [64, 128]


def test_report_fills_a_file_and_draws(tmp_path: Path, made: dict, monkeypatch) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "new.json").write_text(json.dumps(made))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "_FOLDER", results)
    report.main([f"--readme={readme}", f"--chart={tmp_path / 'chart.png'}"])
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert "not run: no working C++ compiler" in text
    assert "virtual" in text
    with Image.open(tmp_path / "chart.png") as chart:
        assert chart.width > 800
        assert np.asarray(chart.convert("L")).std() > 0


def test_stored_results_are_still_read() -> None:
    for stored in report.newest_results(report._FOLDER):
        assert "Training step" in report.markdown(stored)


def test_the_newest_result_of_a_device_counts(tmp_path: Path) -> None:
    for number, (device, date) in enumerate([("a", "2020-01-02"), ("a", "2020-01-01"), ("b", "2020-01-03")]):
        (tmp_path / f"{number}.json").write_text(json.dumps({"device": device, "date": date}))
    found = report.newest_results(tmp_path)
    assert [(result["device"], result["date"]) for result in found] == [("b", "2020-01-03"), ("a", "2020-01-02")]
