import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import termios
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import (  # made at run time, unseen by type checkers
    Event,  # pyright: ignore[reportAttributeAccessIssue]
    SessionLog,  # pyright: ignore[reportAttributeAccessIssue]
)

from pix2pix_jax.errors import UserError
from pix2pix_jax.runs import metrics
from pix2pix_jax.runs.metrics import MetricsWriter, read_metrics
from pix2pix_jax.training.progress import Progress

TRAINING = {
    "epoch": 3,
    "images_per_second": 2310.4,
    "d_loss": 1.2123,
    "d_real": 0.5,
    "d_fake": 0.7,
    "g_loss": 9.4,
    "g_bce": 1.1,
    "g_l1_rgb": 0.0812,
    "g_l1_chroma": 0.04,
}
EVALUATION = {
    "eval/psnr": 23.14,
    "eval/ssim": 0.94,
    "eval/ciede2000": 9.83,
    "eval/colorfulness": 21.3,
    "eval/gray_psnr": 21.98,
    "eval/gray_ssim": 0.933,
    "eval/gray_ciede2000": 13.25,
    "eval/gray_colorfulness": 0.0,
    "eval/truth_colorfulness": 40.1,
}


def read_events(folder: Path) -> list[list[Event]]:
    """Reads event files (length, its checksum, event, its checksum), in TensorBoard's order."""
    files = []
    for path in sorted(folder.glob("*tfevents*")):
        content, position, events = path.read_bytes(), 0, []
        while position < len(content):
            (length,) = struct.unpack_from("<Q", content, position)
            start = position + 12
            events.append(Event.FromString(content[start : start + length]))
            position = start + length + 4
        files.append(events)
    return files


def scalars(events: list[Event]) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, value.simple_value)
        for event in events
        for value in event.summary.value
        if value.HasField("simple_value")
    ]


def read_terminal(reader: int) -> str:
    """Reads what a closed terminal had been sent; on Linux the end is an error."""
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(reader, 4096):
            shown += part
    os.close(reader)
    return shown.decode()


def steps(workdir: Path) -> list[int]:
    return [record["step"] for record in read_metrics(workdir / "metrics.jsonl")]


def test_records_come_back_as_written(tmp_path: Path):
    with MetricsWriter(tmp_path / "new" / "run", 0) as writer:
        writer.write(10, TRAINING)
        writer.write(10, EVALUATION)
        records = read_metrics(tmp_path / "new" / "run" / "metrics.jsonl")  # there as soon as they are written
    assert records == [{"step": 10, **TRAINING}, {"step": 10, **EVALUATION}]


def test_numpy_scalars_and_what_is_not_finite_make_strict_json(tmp_path: Path):
    values = {
        "a": np.float32(0.5),
        "b": np.int64(3),
        "c": float("nan"),
        "d": np.array(float("-inf")),
    }
    with MetricsWriter(tmp_path, 0) as writer:
        writer.write(1, values)
    text = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text) == {"step": 1, "a": 0.5, "b": 3, "c": None, "d": None}
    assert '"b": 3,' in text


def test_a_cut_off_last_line_is_left_out(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1, "d_loss": 0.5}\n{"step": 2, "d_lo')
    assert read_metrics(path) == [{"step": 1, "d_loss": 0.5}]


def test_a_damaged_line_elsewhere_is_named(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n\x00\xff\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl: line 2 is no JSON object"):
        read_metrics(path)


def test_resuming_drops_later_lines_and_a_cut_off_one(tmp_path: Path):
    with MetricsWriter(tmp_path, 0) as writer:
        for step in (10, 20, 30):
            writer.write(step, {"d_loss": step / 10})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "d_l')
    with MetricsWriter(tmp_path, 20) as writer:
        assert steps(tmp_path) == [10, 20]
        writer.write(30, {"d_loss": 7.0})
    assert read_metrics(tmp_path / "metrics.jsonl") == [
        {"step": 10, "d_loss": 1.0},
        {"step": 20, "d_loss": 2.0},
        {"step": 30, "d_loss": 7.0},
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "tensorboard"]


def test_tensorboard_gets_every_number_and_forgets_later_steps(tmp_path: Path):
    with MetricsWriter(tmp_path, 0) as writer:
        writer.write(10, {"d_loss": 0.5, "eval/psnr": 23.0})
        writer.write(20, {"d_loss": 0.25})
    with MetricsWriter(tmp_path, 10) as writer:
        writer.write(20, {"d_loss": 0.125})
    first, second = read_events(tmp_path / "tensorboard")
    assert scalars(first) == [("d_loss", 10, 0.5), ("eval/psnr", 10, 23.0), ("d_loss", 20, 0.25)]
    assert scalars(second) == [("d_loss", 20, 0.125)]
    # TensorBoard hides what it has at and after the step of a START.
    starts = [event.step for event in second if event.session_log.status == SessionLog.START]
    assert starts == [11]


def test_tensorboard_image_comes_back(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    with MetricsWriter(tmp_path, 0) as writer:
        writer.write_image(7, "samples", image)
    (events,) = read_events(tmp_path / "tensorboard")
    (event,) = [event for event in events if event.summary.value]
    (value,) = event.summary.value
    assert (value.tag, event.step) == ("samples", 7)
    (tmp_path / "image.png").write_bytes(value.image.encoded_image_string)
    with Image.open(tmp_path / "image.png") as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), image)


@pytest.mark.parametrize(("total", "shown", "left"), [(10_000, "10,000", "16:30"), (36_101, "36,101", "1:00:00")])
def test_progress_prints_a_plain_line_a_report(total: int, shown: str, left: str, monkeypatch: pytest.MonkeyPatch):
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(metrics.time, "monotonic", lambda: next(clock))
    stream = StringIO()
    with Progress(total, start_step=0, stream=stream) as progress:
        progress.advance(1)
        progress.report(101, TRAINING)  # 100 steps in 10 s
    assert stream.getvalue() == (
        f"step 101/{shown}  epoch 3  2,310 images/s  {left} left | D 1.212 G-ce 1.100 L1-rgb 0.081 L1-chroma 0.040\n"
    )


def test_progress_keeps_the_last_evaluation():
    stream = StringIO()
    with Progress(10, stream=stream) as progress:
        progress.report_evaluation(5, EVALUATION, "better than grey")
        progress.report(6, TRAINING)
    evaluation, training = stream.getvalue().splitlines()
    assert evaluation == (
        "step 5/10  evaluation: ΔE 9.8  PSNR 23.1 dB  SSIM 0.940  colourfulness 21.3 (truth 40.1); better than grey"
    )
    assert training.endswith(" | ΔE 9.8 PSNR 23.1 dB")


@pytest.mark.parametrize(("seconds", "told"), [(1.0, False), (30.0, True)])
def test_a_long_run_is_told_of_as_soon_as_its_pace_is_known(seconds, told, monkeypatch):
    clock = iter([100.0, 100.0 + 3 * seconds])
    monkeypatch.setattr(metrics.time, "monotonic", lambda: next(clock))
    stream = StringIO()
    with Progress(1001, stream=stream) as progress:
        for step in range(1, 6):
            progress.advance(step)
    assert ("--config.num_steps=124" in stream.getvalue()) == told  # 120 more in an hour


def test_progress_draws_a_bar_on_a_terminal():
    reader, writer = pty.openpty()
    rows_and_columns = struct.pack("HHHH", 24, 80, 0, 0)
    fcntl.ioctl(writer, termios.TIOCSWINSZ, rows_and_columns)
    with (
        os.fdopen(writer, "w", encoding="utf-8") as terminal,
        Progress(10, start_step=4, stream=terminal) as progress,
    ):
        progress.note("hello")
        progress.advance(5)
        progress.report(6, TRAINING)
    shown = read_terminal(reader)
    assert "hello" in shown
    assert re.search(r"\r 60%\|.*\| 6/10, epoch 3  2,310 images/s", shown)
    assert "D 1.212 G-ce 1.100" in shown
