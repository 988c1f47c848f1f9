"""What a run says in numbers: `metrics.jsonl` and TensorBoard event files.

A record is one flat mapping of names to numbers. Training records hold `epoch`, `images_per_second` and the loss terms
of the experiment; evaluation records hold names that start with `eval/`.
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import write_text, writing

Record = Mapping[str, Any]
"""One line of `metrics.jsonl`: an integer `step`, and numbers by name."""

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class MetricsWriter(AbstractContextManager):
    """Writes records to `metrics.jsonl` and to TensorBoard event files, side by side, as a context manager.

    A run that resumes takes up its old files: what they hold from after the checkpoint is dropped, since those steps
    are about to run again. One process of a run does so.
    """

    def __init__(self, workdir: str | os.PathLike[str], start_step: int) -> None:
        """Opens the files, and drops what they hold from after `start_step`.

        Args:
            workdir: Folder of the run, made when missing.
            start_step: Step of the checkpoint that the run goes on from; 0 for a fresh start, which keeps nothing.

        Raises:
            UserError: An earlier `metrics.jsonl` is damaged elsewhere than in its last line.
        """
        # tensorboardX imports PyTorch where that is installed, which takes seconds.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue]

        folder = Path(workdir)
        self._path = path = folder / METRICS_FILE
        self._board_folder = folder / TENSORBOARD_FOLDER
        last_kept_step = start_step if start_step > 0 else -1
        with writing(path):
            self._board_folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                kept = [record for record in read_metrics(path) if record["step"] <= last_kept_step]
                write_text(path, "".join(map(_encode, kept)))
            self._file = path.open("ab", buffering=0)
        # Event files are named by the second: two runs within one second would share a name.
        with writing(self._board_folder):
            self._board = EventsWriter(str(self._board_folder / "events"), f".{time.time_ns() % 10**9:09d}")
        # TensorBoard hides what it has from this step on.
        self._write_event(last_kept_step + 1, session_log=SessionLog(status=SessionLog.START))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one record.

        The operating system has the line before this returns: a killed run loses half of its last line at most.

        Args:
            step: Training steps done.
            values: Names and numbers (Python's, NumPy's or JAX's scalars). What is not finite becomes `null` in
                `metrics.jsonl`, which is strict JSON.

        Raises:
            UserError: it cannot be written.
        """
        from tensorboardX.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

        line = _encode({"step": step, **values}).encode()
        with writing(self._path):
            # Unbuffered: what could not be written must not be tried again when the file is closed.
            while line:
                line = line[self._file.write(line) :]
        scalars = [Summary.Value(tag=name, simple_value=float(value)) for name, value in values.items()]
        self._write_event(step, summary=Summary(value=scalars))

    def write_image(self, step: int, name: str, image: NDArray[np.uint8]) -> None:
        """Writes an image to TensorBoard.

        Args:
            step: Training steps done.
            name: Name of the image in TensorBoard.
            image: RGB image [H, W, 3], uint8.
        """
        from tensorboardX import summary

        self._write_event(step, summary=summary.image(name, image, dataformats="HWC"))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        # What went wrong first is what is told.
        with contextlib.suppress(*([UserError] if kind else [])), writing(self._board_folder):
            self._board.close()

    def _write_event(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

        with writing(self._board_folder):
            self._board.write_event(Event(wall_time=time.time(), step=step, **content))
            self._board.flush()


def read_metrics(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Reads the records of a `metrics.jsonl`.

    Args:
        path: The file. A last line that is cut off, as a killed run leaves it, is left out.

    Returns:
        The records in the order they were written, each with an integer `step`; a value is a number, or None where it
        was not finite.

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
            raise UserError(f"{path}: line {number} is no JSON object with an integer 'step'; remove it") from None
        records.append(record)
    return records


def _encode(record: Mapping[str, Any]) -> str:
    """A record as one line of strict JSON: what is not finite becomes null."""
    numbers = {name: None if value is None else np.asarray(value).item() for name, value in record.items()}
    finite = {name: None if value is None or not math.isfinite(value) else value for name, value in numbers.items()}
    return json.dumps(finite, allow_nan=False) + "\n"
