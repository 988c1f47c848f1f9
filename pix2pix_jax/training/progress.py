"""What a run says on the terminal: how far it is, how it does, when it will end."""

import contextlib
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, TextIO

from pix2pix_jax.losses import shown_terms

_FIGURES = {"ciede2000": "ΔE {:.1f}", "l1": "L1 {:.4f}", "psnr": "PSNR {:.1f} dB", "ssim": "SSIM {:.3f}"}
_TIMED_STEPS = 3
_LONG = 3600.0  # seconds; a run that takes longer is told of as soon as its pace is known


class Progress(AbstractContextManager):
    """Shows how far a run is, how it does, and when it will end, as a context manager.

    On a terminal this is a bar with a line of figures under it, elsewhere one plain line a report.
    """

    def __init__(self, total_steps: int, start_step: int = 0, stream: TextIO | None = None) -> None:
        """Takes the steps at which the run ends and starts, and where to write; standard error when None."""
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
        elif step == self._first[0] + _TIMED_STEPS and (left := self._seconds_left(step)) > _LONG:
            in_an_hour = step + int((self._total - step) * _LONG / left)
            self.note(
                f"at this pace the {self._total - step:,} steps that are left take {left / 3600:,.1f} hours; to end"
                f" after one, stop this run and give --config.num_steps={in_an_hour}"
            )
        if self._bar is not None:
            self._bar.update(step - self._bar.n)

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Shows the training record of a step: `epoch`, `images_per_second` and the loss terms."""
        self.advance(step)
        pace = [f"epoch {values['epoch']:.0f}", f"{values['images_per_second']:,.0f} images/s"]
        if left := self._time_left(step):
            pace.append(left)
        losses = [f"{term.short} {values[name]:.3f}" for name, term in shown_terms(values).items()]
        figures = " | ".join(filter(None, [" ".join(losses), self._evaluation]))
        if self._bar is None or self._figures is None:
            self.note("  ".join([f"step {step:,}/{self._total:,}", *pace]) + f" | {figures}")
        else:
            self._bar.set_postfix_str("  ".join(pace))
            self._figures.set_description_str(figures)

    def report_evaluation(self, step: int, values: Mapping[str, float], words: str) -> None:
        """Shows the evaluation record of a step and what it means, and keeps its main figures in the display."""
        shown = [text.format(values[f"eval/{name}"]) for name, text in _FIGURES.items() if f"eval/{name}" in values]
        if "eval/colorfulness" in values:
            shown.append(
                "colourfulness {eval/colorfulness:.1f} (truth {eval/truth_colorfulness:.1f})".format_map(values)
            )
        self.note(f"step {step:,}/{self._total:,}  evaluation: {'  '.join(shown)}; {words}")
        self._evaluation = " ".join(shown[:2])

    def note(self, message: str) -> None:
        """Writes a line that stays, above the bar where there is one."""
        if self._bar is None:
            print(message, file=self._stream, flush=True)
        else:
            self._bar.write(message, file=self._stream)

    def __exit__(self, *_: object) -> None:
        for bar in (self._bar, self._figures):
            if bar is not None:
                bar.close()

    def _time_left(self, step: int) -> str:
        """Estimates the time left from the mean pace so far; empty before there is a pace."""
        if self._first is None or step <= self._first[0]:
            return ""
        return f"{timedelta(seconds=round(self._seconds_left(step)))} left".removeprefix("0:")

    def _seconds_left(self, step: int) -> float:
        first_step, first_time = self._first or (step - 1, 0.0)
        return (time.monotonic() - first_time) / (step - first_step) * (self._total - step)


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
