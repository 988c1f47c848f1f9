"""The command `pix2pix-compare` as a user runs it: small, but whole."""

import json
import re
import signal
import sys

import pytest
import tiny_runs
from helpers import ROOT

from pix2pix_jax.commands import compare
from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.figures import comparison

SMALL = [
    "--batch-size=8",
    "--set=image_size=32",
    "--set=data.resize=40",
    "--set=data.cache=none",
    "--set=data.num_workers=0",
]
EXPERIMENTS = ("ycrcb_rgb", "ycrcb_l1")


@pytest.fixture(scope="module")
def compared(tmp_path_factory, photo_folder):
    """Two experiments of four steps, whose number comes from the time given; where they are, and what was printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "xla"))
        patch.setattr(compare, "_seconds_per_step", lambda config: {"ycrcb_rgb": 4.0, "ycrcb_l1": 2.0}[config.name])
        folder = tmp_path_factory.mktemp("compared")
        arguments = [f"--data={photo_folder}", f"--workdir={folder / 'runs'}", f"--out={folder / 'out'}", *SMALL]
        arguments += ["--set=data.eval_fraction=0.25", "--minutes=0.4", "--show=3", "--experiments=ycrcb_rgb,ycrcb_l1"]
        compare.main(arguments)
    return folder, arguments


@pytest.mark.process
def test_all_take_as_many_steps_as_the_time_allows(compared):
    folder, _ = compared
    plan = json.loads((folder / "runs" / "plan.json").read_text())
    assert plan["steps"] == 4  # 24 s at 6 s for both
    for name in EXPERIMENTS:
        checkpoints = folder / "runs" / name / "checkpoints"
        assert max(int(path.name) for path in checkpoints.iterdir()) == 4


@pytest.mark.process
def test_figures_tables_and_page_are_there(compared):
    folder, _ = compared
    suffixes = [".html", ".json", ".md", ".png", "_curves.png"]
    assert {path.name for path in (folder / "out").iterdir()} == {f"comparison{suffix}" for suffix in suffixes}
    text = (folder / "out" / "comparison.md").read_text()
    for row in (*EXPERIMENTS, "grey image", "best tint by CIEDE2000", "best tint by PSNR", "truth", "D guesses"):
        assert f"\n| {row} |" in text
    assert "took 4 steps in batches of 8 (32×32, float32) from seed 0, on the same 18 photographs" in text
    assert "the same 6 others" in text
    figures = json.loads((folder / "out" / "comparison.json").read_text())
    assert figures["experiments"].keys() == set(EXPERIMENTS)
    assert figures["experiments"]["ycrcb_rgb"]["losses"].keys() == {"d_loss", "g_bce", "g_l1_rgb", "g_l1_chroma"}
    assert figures["experiments"]["ycrcb_l1"]["losses"].keys() == {"g_l1_rgb", "g_l1_chroma"}


@pytest.mark.process
def test_the_page_holds_all_it_shows(compared):
    page = (compared[0] / "out" / "comparison.html").read_text()
    links = re.findall(r'\b(?:src|href|srcset|data)="([^"]*)', page)
    assert len(links) == 2
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert not re.search(r"<script|<link|<iframe|url\(|@import|https?:", page)


@pytest.mark.process
def test_a_second_call_trains_nothing(compared, monkeypatch, run):
    folder, arguments = compared
    before = {path: path.read_bytes() for path in (folder / "runs").rglob("metrics.jsonl")}
    monkeypatch.setattr(compare, "_seconds_per_step", lambda config: pytest.fail("timed again"))
    status, out, err = run(compare.main, *arguments)
    assert status == 0
    assert "\n".join(err).count("nothing to do: the run has taken its 4 steps") == 2
    assert {path: path.read_bytes() for path in (folder / "runs").rglob("metrics.jsonl")} == before
    assert any(line.startswith("ycrcb_l1 ") for line in out)


@pytest.mark.process
@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--steps=3", "ycrcb_rgb has taken 4 steps, more than the 3 asked for: give --steps 4 or more"),
        ("--set=seed=1", "holds a run with config.seed=0, and 1 is asked for"),
    ],
)
def test_what_is_trained_is_not_changed(compared, run, flag, message, monkeypatch):
    monkeypatch.setattr(compare, "train", lambda *_: pytest.fail("a step was taken"))
    arguments = [argument for argument in compared[1] if not (flag[:4] == "--st" and argument[:5] == "--min")]
    status, _, err = run(compare.main, *arguments, flag)
    assert status == 1
    assert message in err[-1]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--experiments=ycrcb_rgb,rgb_rgb_grey", "(did you mean rgb_rgb_gray?)"),
        ("--experiments=ycrcb_rgb,pix2pix", "pix2pix translates pairs"),
        ("--set=warm_start=none", "there is no run or file none"),
        ("--data=none", "none: there is no such folder"),
        ("--data=.", "holds no images"),
        ("--set=batch_size=8", "--set batch_size=8: give --batch-size instead"),
        ("--set=image_size=40", "config.image_size=40 does not fit the networks"),
        ("--batch-size=12", "config.batch_size=12 cannot be split over 8 devices"),
        ("--out=file/x", "cannot write to file/x (Not a directory): choose another --out"),
    ],
)
def test_bad_input_gets_one_line(flag, message, monkeypatch, run, tmp_path, photo_folder):
    monkeypatch.setattr(compare, "_seconds_per_step", lambda config: pytest.fail("work was begun"))
    (tmp_path / "file").touch()
    status, _, (error,) = run(compare.main, f"--data={photo_folder}", "--workdir=runs", *SMALL, flag)
    assert status == 1
    assert error.startswith("error: ")
    assert message in error


@pytest.mark.process
def test_a_stopped_comparison_goes_on(tmp_path, photo_folder):
    command = [
        sys.executable,
        "-m",
        "pix2pix_jax.commands.start",
        "compare",
        f"--data={photo_folder}",
        "--workdir=runs",
    ]
    command += [*SMALL, "--experiments=ycrcb_l1", "--set=log_every_steps=1"]
    environ = tiny_runs.environment(tmp_path / "cache") | {"PYTHONPATH": str(ROOT)}
    # One device, and a program that compiles fast.
    environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    stopped = tiny_runs.start([*command, "--minutes=10000"], environ, cwd=tmp_path)
    assert "s a step" in tiny_runs.read_until(stopped, "step 2/")
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=100)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert json.loads((tmp_path / "runs" / "plan.json").read_text())["steps"] > 1000
    taken = int(re.search(r"SIGTERM: stopped after step ([\d,]+);", errors)[1].replace(",", ""))
    done = tiny_runs.run([*command, f"--steps={taken + 1}"], environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"after step {taken:,}" in done.stderr
    assert (tmp_path / "runs" / "comparison.html").stat().st_size > 10_000


def test_time_and_last_losses_come_from_the_records():
    config = updated(experiment_config("rgb_rgb"), {"batch_size": 30})
    records = [{"step": step, "images_per_second": 10.0, "g_loss": 1.0, "d_loss": step} for step in range(1, 21)]
    run = comparison.Run(config, [*records, {"step": 20, "eval/psnr": 1.0}], {}, None)  # pyright: ignore
    assert run.minutes == pytest.approx(1.0)  # 20 steps of 3 s
    assert run.last_losses() == {"d_loss": 19.5}
    assert run.heading == "rgb_rgb\ngrey → RGB\nD sees RGB"


def test_a_comparison_of_other_experiments_is_kept(monkeypatch, run, tmp_path, photo_folder):
    monkeypatch.setattr(compare, "train", lambda *_: pytest.fail("work was begun"))
    (tmp_path / "comparison.json").write_text(json.dumps({"experiments": {"ycrcb_l1": {}, "rgb_rgb": {}}}))
    given = [f"--data={photo_folder}", "--workdir=.", *SMALL, "--steps=2", "--experiments=ycrcb_l1"]
    status, _, (error,) = run(compare.main, *given)
    assert status == 1
    assert "comparison.json holds a comparison with rgb_rgb too: give --overwrite to replace it" in error
    with pytest.raises(pytest.fail.Exception, match="work was begun"):
        run(compare.main, *given, "--overwrite")


@pytest.mark.parametrize("damaged", ["", "{", "[]", '"x"', "{}"])
def test_a_damaged_plan_is_made_anew(tmp_path, monkeypatch, damaged):
    monkeypatch.setattr(compare, "_seconds_per_step", lambda _: 6.0)
    (tmp_path / "plan.json").write_text(damaged)
    assert compare._plan_steps(tmp_path / "plan.json", [experiment_config("ycrcb_l1")], 1.0) == 10
