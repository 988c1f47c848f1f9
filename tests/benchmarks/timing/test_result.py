from pathlib import Path

import pytest

from benchmarks import throughput
from benchmarks.timing import result
from benchmarks.timing.workers import WARM_UP


def test_ratios_are_quotients_of_medians(make_result) -> None:
    made = make_result()
    rows = {row["name"]: row for row in made["rows"]}
    assert rows["torch-compile"]["not_run"] == "no working C++ compiler"
    assert rows["ours-float32"]["step_seconds"] == 2 / 5  # the fifth row
    # The fastest of PyTorch's in float32 is the fourth, in any precision the seventh.
    assert rows["ours-float32"]["ratio_same_precision"] == pytest.approx((2 / 4) / (2 / 5))
    assert rows["ours-float32"]["ratio_any"] == pytest.approx((2 / 7) / (2 / 5))
    assert rows["ours-float32"]["compile_seconds"] == pytest.approx(10 - WARM_UP * 2 / 5)
    for name, row in (("float32_step", 5), ("bfloat16_step", 8), ("float32_inference", 12)):
        best = {5: 4, 8: 7, 12: 11}[row]
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
def test_a_cpu_is_named_with_its_vector_instructions(flags, name, monkeypatch):
    cpuinfo = f"processor\t: 0\nmodel name\t: Maker 9\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    monkeypatch.setattr(Path, "read_text", lambda path: cpuinfo)
    arguments = throughput.parse_arguments([])
    made = result.describe(arguments, {"backend": "cpu", "versions": {}}, {}, 1)
    assert made["device"].startswith(f"{name}, ")
