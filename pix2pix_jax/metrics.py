"""What a run says in numbers: `metrics.jsonl`, TensorBoard event files and the progress line.

A record is one flat mapping of names to numbers. Training records hold `epoch`, `images_per_second`
and the loss terms of the experiment; evaluation records hold names that start with `eval/`.
"""

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.closing import Closing
from pix2pix_jax.errors import UserError
from pix2pix_jax.output import replacing

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"

_FLUSH_SECONDS = 20
# The sum of G's terms is left out: its parts say more, and the line must fit 80 columns.
_LOSS_LABELS = {
    "d_loss": "D",
    "g_bce": "G-ce",
    "g_l1_rgb": "L1-rgb",
    "g_l1_chroma": "L1-chroma",
}


class MetricsWriter(Closing):
    """Writes records to `metrics.jsonl` and to TensorBoard event files, side by side.

    A run that resumes takes up its old files: what they hold from after the checkpoint is dropped,
    since those steps are about to run again. Use it as a context manager, and in one process of a
    run only.
    """

    def __init__(self, workdir: str | os.PathLike[str], start_step: int) -> None:
        """Opens the files, and drops what they hold from after `start_step`.

        Args:
            workdir: Folder of the run, made when missing.
            start_step: Step of the checkpoint that the run goes on from; 0 for a fresh start, which
                keeps nothing.

        Raises:
            UserError: An earlier `metrics.jsonl` is damaged elsewhere than in its last line.
        """
        # tensorboardX imports PyTorch where that is installed, which takes seconds.
        from tensorboardX import SummaryWriter

        folder = Path(workdir)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / METRICS_FILE
        last_kept_step = start_step if start_step > 0 else -1
        _drop_after(path, last_kept_step)
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(
            str(folder / TENSORBOARD_FOLDER),
            purge_step=last_kept_step + 1,
            flush_secs=_FLUSH_SECONDS,
            # Event files are named by the second: two runs within one second would share a name.
            filename_suffix=f".{time.time_ns() % 10**9:09d}",
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one record.

        The line is handed to the operating system before this returns, so that a killed run loses
        nothing, or half of its last line at most.

        Args:
            step: Training steps done.
            values: Names and numbers (Python's, NumPy's or JAX's scalars). What is not finite
                becomes `null` in `metrics.jsonl`, which is strict JSON.

        Raises:
            ValueError: `values` has a name `step`.
        """
        if "step" in values:
            raise ValueError("values must not hold 'step': it is given by the step argument")
        self._file.write(_encode({"step": step, **values}))
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(name, float(value), step)

    def write_image(self, step: int, name: str, image: NDArray[np.uint8]) -> None:
        """Writes an image to TensorBoard.

        Args:
            step: Training steps done.
            name: Name of the image in TensorBoard.
            image: RGB image [H, W, 3], uint8.
        """
        self._board.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        """Writes out what is waiting and closes the files."""
        self._file.close()
        self._board.close()


def read_metrics(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Reads the records of a `metrics.jsonl`.

    Args:
        path: The file. Its last line may be cut off, as a killed run leaves it, and is then left
            out.

    Returns:
        The records in the order they were written, each with an integer `step`; a value is a
        number, or None where it was not finite.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: A line other than the last is not a record.
    """
    lines = Path(path).read_bytes().splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                raise ValueError("not a record")
        except ValueError:
            if number == len(lines):
                break
            raise UserError(
                f"{path}: line {number} is not a JSON object with an integer 'step'; remove that line"
            ) from None
        records.append(record)
    return records


def _encode(record: Mapping[str, Any]) -> str:
    """Gives a record as one line of strict JSON."""
    plain = {name: _to_json_number(value) for name, value in record.items()}
    return json.dumps(plain, allow_nan=False) + "\n"


def _to_json_number(value: Any) -> int | float | None:
    if value is None:
        return None
    array = np.asarray(value)
    number = int(array) if np.issubdtype(array.dtype, np.integer) else float(array)
    return number if math.isfinite(number) else None


def _drop_after(path: Path, last_kept_step: int) -> None:
    """Drops the records of later steps, and a cut-off last line; the file is replaced in one go."""
    if not path.exists():
        return
    kept = [record for record in read_metrics(path) if record["step"] <= last_kept_step]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(map(_encode, kept))
        file.flush()
        os.fsync(file.fileno())


class Progress(Closing):
    """Shows how far a run is, how it does, and when it will end.

    On a terminal this is a bar with a line of figures under it. Elsewhere (a log file, a notebook's
    output) it is one plain line a report. Use it as a context manager.
    """

    def __init__(self, total_steps: int, start_step: int = 0, stream: TextIO | None = None) -> None:
        """Starts the display.

        Args:
            total_steps: Step at which the run ends.
            start_step: Step at which it starts.
            stream: Where to write; standard error when None.
        """
        self._total = total_steps
        self._stream = sys.stderr if stream is None else stream
        self._first: tuple[int, float] | None = None
        self._evaluation = ""
        self._bar = self._figures = None
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total_steps,
                initial=start_step,
                file=self._stream,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}",
            )
            self._figures = tqdm(file=self._stream, position=1, dynamic_ncols=True, bar_format="{desc}")

    def advance(self, step: int) -> None:
        """Tells that `step` steps are done; cheap enough to call after every step."""
        if self._first is None:
            # Counted from the end of the first step, since that one includes the compilation.
            self._first = (step, time.monotonic())
        if self._bar is not None:
            self._bar.update(step - self._bar.n)

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Shows a training record.

        Args:
            step: Training steps done.
            values: The record: `epoch`, `images_per_second` and the loss terms; other names are
                left out.
        """
        self.advance(step)
        pace = [f"epoch {values['epoch']:.0f}"] if "epoch" in values else []
        if "images_per_second" in values:
            pace.append(f"{values['images_per_second']:,.0f} images/s")
        if left := self._time_left(step):
            pace.append(left)
        losses = [f"{label} {values[name]:.3f}" for name, label in _LOSS_LABELS.items() if name in values]
        figures = " | ".join(filter(None, [" ".join(losses), self._evaluation]))
        if self._bar is None or self._figures is None:
            self.note("  ".join([f"step {step:,}/{self._total:,}", *pace]) + f" | {figures}")
        else:
            self._bar.set_postfix_str("  ".join(pace))
            self._figures.set_description_str(figures)

    def report_evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """Shows an evaluation record, and keeps its main figures in the display from then on.

        Args:
            step: Training steps done.
            values: The record, with names from `eval/psnr` to `eval/truth_colorfulness`; those
                missing are left out.
        """
        difference = _compare(values, "ciede2000", "ΔE", ".1f")
        signal = _compare(values, "psnr", "PSNR", ".1f", " dB")
        similarity = _compare(values, "ssim", "SSIM", ".3f")
        color = _compare(values, "colorfulness", "colourfulness", ".1f", against="truth")
        shown = "  ".join(filter(None, [difference, signal, similarity, color]))
        self.note(f"step {step:,}/{self._total:,}  evaluation: {shown}")
        self._evaluation = " ".join(filter(None, [difference, signal.split(" dB")[0]]))

    def note(self, message: str) -> None:
        """Writes a line that stays, above the bar where there is one."""
        if self._bar is None:
            print(message, file=self._stream, flush=True)
        else:
            self._bar.write(message, file=self._stream)

    def close(self) -> None:
        """Leaves the last state of the display standing."""
        if self._bar is not None and self._figures is not None:
            self._bar.close()
            self._figures.close()

    def _time_left(self, step: int) -> str:
        """Estimates the time left from the mean pace so far; empty before there is a pace."""
        first_step, first_time = self._first or (step, 0.0)
        if step <= first_step:
            return ""
        pace = (time.monotonic() - first_time) / (step - first_step)
        minutes, seconds = divmod(round(pace * (self._total - step)), 60)
        hours, minutes = divmod(minutes, 60)
        return (f"{hours}:{minutes:02d}:" if hours else f"{minutes}:") + f"{seconds:02d} left"


def _compare(
    values: Mapping[str, float],
    name: str,
    label: str,
    digits: str,
    unit: str = "",
    against: str = "gray",
) -> str:
    """Writes an evaluation figure beside the one to hold it against: `ΔE 9.8 (grey 13.2)`."""
    if f"eval/{name}" not in values:
        return ""
    text = f"{label} {values[f'eval/{name}']:{digits}}{unit}"
    other = values.get(f"eval/{against}_{name}")
    word = "grey" if against == "gray" else against
    return text if other is None else f"{text} ({word} {other:{digits}})"
