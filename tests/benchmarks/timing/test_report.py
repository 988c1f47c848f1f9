import json
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import report


def test_report_fills_a_file_and_draws(tmp_path: Path, make_result, monkeypatch) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "new.json").write_text(json.dumps(make_result()))
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


def test_the_newest_result_of_a_device_counts(tmp_path: Path) -> None:
    for number, (device, date) in enumerate([("a", "2020-01-02"), ("a", "2020-01-01"), ("b", "2020-01-03")]):
        (tmp_path / f"{number}.json").write_text(json.dumps({"device": device, "date": date}))
    found = report.newest_results(tmp_path)
    assert [(result["device"], result["date"]) for result in found] == [("b", "2020-01-03"), ("a", "2020-01-02")]
