"""What a run says on the terminal: how far it is, how it does, when it will end."""

import contextlib
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

from pix2pix_jax.losses import LABELS

# Of an evaluation: the measure, its label, digits and unit, and what it is held against.
_COLOURING = (
    ("ciede2000", "ΔE", ".1f", "", "gray"),
    ("psnr", "PSNR", ".1f", " dB", "gray"),
    ("ssim", "SSIM", ".3f", "", "gray"),
    ("colorfulness", "colourfulness", ".1f", "", "truth"),
)
_PAIRS = (
    ("l1", "L1", ".4f", "", "mean"),
    ("psnr", "PSNR", ".1f", " dB", "mean"),
    ("ssim", "SSIM", ".3f", "", "mean"),
)


class Progress(AbstractContextManager):
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
        self._stream = _Lasting(sys.stderr if stream is None else stream)
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
            values: The record: `epoch`, `images_per_second` and the loss terms.
        """
        self.advance(step)
        pace = [f"epoch {values['epoch']:.0f}", f"{values['images_per_second']:,.0f} images/s"]
        if left := self._time_left(step):
            pace.append(left)
        losses = [f"{label} {values[name]:.3f}" for name, label in LABELS.items() if name in values]
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
            values: The record, with names from `eval/psnr` to `eval/truth_colorfulness`, or of pairs from `eval/l1`
                to `eval/mean_ssim`.
        """
        of_pairs = "eval/l1" in values
        shown = [_compare(values, *measure) for measure in (_PAIRS if of_pairs else _COLOURING)]
        self.note(f"step {step:,}/{self._total:,}  evaluation: {'  '.join(shown)}")
        self._evaluation = shown[0] if of_pairs else f"{shown[0]} {shown[1].split(' dB')[0]}"

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

    def __exit__(self, *_: object) -> None:
        self.close()

    def _time_left(self, step: int) -> str:
        """Estimates the time left from the mean pace so far; empty before there is a pace."""
        first_step, first_time = self._first or (step, 0.0)
        if step <= first_step:
            return ""
        pace = (time.monotonic() - first_time) / (step - first_step)
        minutes, seconds = divmod(round(pace * (self._total - step)), 60)
        hours, minutes = divmod(minutes, 60)
        return (f"{hours}:{minutes:02d}:" if hours else f"{minutes}:") + f"{seconds:02d} left"


class _Lasting:
    """A stream that goes on where its terminal, or the process at the other end of its pipe, is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _compare(values: Mapping[str, float], name: str, label: str, digits: str, unit: str, against: str) -> str:
    """Writes an evaluation figure beside the one to hold it against: `ΔE 9.8 (grey 13.2)`."""
    word = {"gray": "grey", "mean": "mean colour"}.get(against, against)
    return f"{label} {values[f'eval/{name}']:{digits}}{unit} ({word} {values[f'eval/{against}_{name}']:{digits}})"
