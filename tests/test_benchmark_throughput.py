"""The throughput benchmark as a user runs it, in small."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from conftest import EXPERIMENTS, load_config
from PIL import Image

from benchmarks import floors, jax_variants, throughput, throughput_report, throughput_result, throughput_rows
from benchmarks.workers import WARM_UP, Worker
from pix2pix_jax.config import build_model

FOLDER = Path(__file__).parent.parent / "benchmarks"
# Without a discriminator, which would take as long again to compile.
SIZES = ("--batch-size=2", "--image-size=32", "--steps=1", "--experiment=ycrcb_l1")


def run(*arguments: str, python_path: str = "") -> str:
    # Beside other tests, threads that wait by spinning keep those that they wait for from the cores.
    calm = {"OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | calm | ({"PYTHONPATH": python_path} if python_path else {}),
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def only(*names: str) -> list[str]:
    return [f"--only={name}" for name in names]


def sample(backend: str = "cpu") -> dict:
    """A result as the benchmark makes it, of times that were never measured."""
    arguments = throughput.parse_arguments(["--batch-size=4", "--image-size=32"])
    info = {"backend": backend, "device": backend, "devices": 1, "versions": {"jax": "1.0"}}
    info |= {"generator_channels": 2, "discriminator_channels": 3}
    base = throughput_rows.base_job(arguments, "cpu")
    torch_rates, rates = Worker(base), Worker(base)
    rates.turns = [{"float32_flops": 1e11, "bfloat16_flops": 5e10, "bytes": 1e10}]
    torch_rates.reason = "PyTorch is not installed"
    found = {}
    for number, row in enumerate(throughput.ROWS, start=1):
        found[row.name] = worker = Worker(throughput_rows.row_jobs(row, base, Path(), "")[0])
        turns = (2.0 / number, 1.0 / number, 9.0 / number)
        worker.turns = [{"step": seconds, "capacity_seconds": 10.0, "others_seconds": 0.1} for seconds in turns]
        worker.started = {"peak_bytes": 2**30, "peak_includes_compiling": False, "warm_up_seconds": 10.0}
    found["loop-float32"] = loop = Worker(base)
    loop.turns = [{"step": 0.3, "capacity_seconds": 10.0, "others_seconds": 0.1}]
    found["torch-compile"].reason = "no working C++ compiler"
    scaling = {f"{count} devices": found["ours-float32"] for count in (1, 2)}
    return {
        **throughput_result.describe(arguments, info, torch_rates, 3),
        **throughput_result.report(throughput.ROWS, found, [rates, torch_rates], info, arguments),
        "scaling": throughput_result.report_scaling(scaling, info),
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    pytest.importorskip("torch")
    file = tmp_path_factory.mktemp("throughput") / "found.json"
    rows = only("torch-seed", "ours-float32")
    table = run(str(FOLDER / "throughput.py"), *SIZES, *rows, f"--json={file}")
    return table, json.loads(file.read_text())


def test_measured_rows_are_consistent(measured: tuple[str, dict]) -> None:
    table, result = measured
    rows = {row["name"]: row for row in result["rows"]}
    assert set(rows) == {"torch-seed", "ours-float32"}
    for row in rows.values():
        assert row["not_run"] is None
        low, high = row["spread"]
        assert 0 < low <= row["step_seconds"] <= high
        assert row["images_per_second"] == pytest.approx(2 / row["step_seconds"])
        assert row["floor_share"] == max(row["flops_share"], row["bytes_share"]) > 0
        assert row["peak_bytes"] > 0
        assert row["compile_seconds"] >= 0
        assert 0 <= row["others_share"] <= 1
    ratio = rows["torch-seed"]["step_seconds"] / rows["ours-float32"]["step_seconds"]
    assert result["ratios"] == {
        "float32_step": pytest.approx(ratio),
        "bfloat16_step": None,
        "float32_inference": None,
    }
    assert rows["ours-float32"]["ratio_any"] == pytest.approx(ratio)
    assert rows["torch-seed"]["ratio_any"] == 1
    assert {"jax", "torch"} <= set(result["versions"])
    assert all(rate > 0 for rate in result["rates"].values())
    assert "Training step" in table
    assert "Colouring alone" not in table


def test_without_pytorch_ours_is_timed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch', name='torch')\n")
    file = tmp_path / "found.json"
    rows = only("torch-seed", "ours-float32-inference")
    output = run(str(FOLDER / "throughput.py"), *SIZES, *rows, f"--json={file}", python_path=str(tmp_path))
    assert "No PyTorch rows: PyTorch is not installed" in output
    theirs, ours = json.loads(file.read_text())["rows"]
    assert theirs["not_run"] == "PyTorch is not installed"
    assert ours["step_seconds"] > 0
    assert ours["ratio_any"] is None


def test_an_unknown_row_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        throughput.parse_arguments(["--only=ours-flaot32"])
    assert "the nearest is ours-float32" in capsys.readouterr().err


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_models_are_those_of_the_configs(experiment: str) -> None:
    config = load_config(experiment)
    assert jax_variants.TASKS[experiment] == build_model(config, 1).task
    assert (config.adam.learning_rate, config.adam.b1, config.adam.b2, config.adam.eps) == (2e-4, 0.5, 0.999, 1e-8)


def test_ratios_are_quotients_of_medians() -> None:
    result = sample()
    rows = {row["name"]: row for row in result["rows"]}
    assert rows["torch-compile"]["not_run"] == "no working C++ compiler"
    assert rows["ours-float32"]["step_seconds"] == 2 / 5  # the fifth row
    # The fastest of PyTorch's in float32 is the fourth, in any precision the seventh.
    assert rows["ours-float32"]["ratio_same_precision"] == pytest.approx((2 / 4) / (2 / 5))
    assert rows["ours-float32"]["ratio_any"] == pytest.approx((2 / 7) / (2 / 5))
    assert rows["ours-float32"]["compile_seconds"] == pytest.approx(10 - WARM_UP * 2 / 5)
    for name, row in (("float32_step", 5), ("bfloat16_step", 8), ("float32_inference", 12)):
        best = {5: 4, 8: 7, 12: 11}[row]
        assert result["ratios"][name] == pytest.approx(row / best)
    assert result["rates"]["bfloat16_flops"] == 1e11  # no slower than float32
    assert result["others_share"] == pytest.approx(0.01)


def test_time_between_steps_is_told_on_a_gpu() -> None:
    result = sample("gpu")
    (share,) = (row["between_steps_share"] for row in result["rows"] if row["name"] == "ours-float32")
    assert share == pytest.approx(1 - 0.3 / 0.4)
    assert "waiting for the host: 25.0% in float32." in throughput_report.markdown(result)
    assert "waiting for the host" not in throughput_report.markdown(sample())


def test_flops_and_bytes_of_a_layer() -> None:
    conv = floors.Conv(3, 5, side=8, size=3, pool=2)
    assert conv.params == 9 * 3 * 5 + 5 + 2 * 5
    forward = conv.forward(4, training=True)
    assert forward.flops == 2 * 9 * 3 * 5 * 4 * 4
    assert forward.bytes == 4 * (3 * 64 + 5 * 16 + 3 * 16)  # read, written, and the pooled input kept
    backward = conv.backward(4, to_input=True, to_kernel=True)
    assert backward.flops == 2 * forward.flops
    assert backward.bytes == 4 * (5 * 16 + 2 * 3 * 16 + 3 * 16)


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_convolutions_count_nine_products_an_input(factor: int) -> None:
    conv = floors.Conv(3, 5, side=8, upsample=factor)
    assert conv.flops == 2 * 9 * 3 * 5 * 64
    assert conv.made == 5 * (8 * factor) ** 2


@pytest.mark.parametrize("experiment", ["ycrcb_rgb", "rgb_rgb_gray"])
def test_counted_layers_are_the_networks(experiment: str) -> None:
    model = jax_variants.build_model(experiment, "float32")
    state = jax.eval_shape(model.init, jax.random.key(0))
    counts = [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(network.params))
        for network in (state.generator, state.discriminator)
    ]
    g_convs = floors.generator(model.task.generator_channels, 96)
    d_convs = floors.discriminator(model.task.discriminator_channels, 96)
    assert [sum(conv.params for conv in convs) for convs in (g_convs, d_convs)] == counts
    assert g_convs[-1].made == model.task.generator_channels * 96**2
    assert d_convs[-1].made == 3 * 3


def test_work_grows_with_the_batch() -> None:
    one, two = (floors.training_step(2, 3, batch, 96, 4) for batch in (1, 2))
    assert two.flops == 2 * one.flops
    assert one.bytes < two.bytes < 2 * one.bytes  # the parameters are moved once
    assert floors.training_step(2, 0, 1, 96, 4).flops < one.flops
    assert floors.inference(2, 1, 96, 2).bytes == floors.inference(2, 1, 96, 4).bytes / 2


def test_turns_share_the_steps_out() -> None:
    assert throughput._share_out(1) == [1]
    assert throughput._share_out(7) == [2, 2, 1, 1, 1]


def test_scaling_keeps_the_images_of_a_device() -> None:
    base = throughput_rows.base_job(SimpleNamespace(experiment="ycrcb_rgb", batch_size=64, image_size=96), "cpu")
    info = {"backend": "cpu", "devices": 1}
    jobs = [throughput_rows.scaling_job(base, info, count) for count in throughput_rows.device_counts(info)]
    assert [job.batch_size for job in jobs] == [8, 16, 32, 64]
    assert jobs[-1].environment["XLA_FLAGS"].endswith("device_count=8")
    assert throughput_rows.device_counts({"backend": "gpu", "devices": 2}) == [1, 2]


def test_report_fills_a_readme_and_draws(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text(json.dumps(sample()))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{throughput_report.BEGIN}\nold\n{throughput_report.END}\nafter\n")
    script = str(FOLDER / "throughput_report.py")
    run(script, str(tmp_path / "new.json"), f"--readme={readme}", f"--chart={tmp_path / 'chart.png'}")
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{throughput_report.END}\nafter\n")
    assert "old" not in text
    assert "not run: no working C++ compiler" in text
    assert "virtual" in text
    with Image.open(tmp_path / "chart.png") as chart:
        assert chart.width > 800
        assert np.asarray(chart.convert("L")).std() > 0


def test_the_newest_result_of_a_device_counts(tmp_path: Path) -> None:
    for number, (device, date) in enumerate([("a", "2020-01-02"), ("a", "2020-01-01"), ("b", "2020-01-03")]):
        result = {"benchmark": "throughput", "device": device, "date": date}
        (tmp_path / f"{number}.json").write_text(json.dumps(result))
    (tmp_path / "other.json").write_text("{}")
    found = throughput_report.newest_results(tmp_path)
    assert [(result["device"], result["date"]) for result in found] == [("b", "2020-01-03"), ("a", "2020-01-02")]


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
    worker = Worker(throughput_rows.base_job(arguments, "cpu"))
    made = throughput_result.describe(arguments, {"backend": "cpu", "versions": {}}, worker, 1)
    assert made["device"].startswith(f"{name}, ")
