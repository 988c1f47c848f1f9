"""Losses and time on their way from the device to the run's report."""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np

from pix2pix_jax.step import Metrics

# Steps that may wait in the device's queue: enough that it never idles, few enough that batches do not pile up.
_STEPS_IN_FLIGHT = 2


class LossLog:
    """Loss terms on their way from the device: fetched when they are asked for, not step by step."""

    def __init__(self) -> None:
        self._pending: deque[tuple[int, Metrics]] = deque()
        self._fetched: list[dict[str, float]] = []

    def add(self, step_number: int, metrics: Metrics) -> None:
        """Takes a step's terms, and waits until all but the last few steps are done."""
        self._pending.append((step_number, metrics))
        if len(self._pending) > _STEPS_IN_FLIGHT:
            jax.block_until_ready(self._pending[-1 - _STEPS_IN_FLIGHT])

    def fetch(self) -> None:
        """Waits for every step so far.

        Raises:
            FloatingPointError: if a term is not finite; names the first such step and the term.
        """
        while self._pending:
            number, metrics = self._pending.popleft()
            terms = {name: float(value) for name, value in metrics.items()}
            for name, value in terms.items():
                if not math.isfinite(value):
                    raise FloatingPointError(f"loss term {name} became {value} at step {number}")
            self._fetched.append(terms)

    def mean(self) -> tuple[int, dict[str, float]]:
        """The number of steps since the last call, and the mean of each term over them."""
        self.fetch()
        terms, self._fetched = self._fetched, []
        return len(terms), {name: float(np.mean([one[name] for one in terms])) for name in terms[0]}


class Stopwatch:
    """Time spent on steps alone, what lies between them left out."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._waited = 0.0

    def lap(self) -> tuple[float, float]:
        """Seconds since the last lap, and how many of them steps waited for their batches; the next one starts here."""
        seconds, waited = time.perf_counter() - self._since, self._waited
        self._since += seconds
        self._waited = 0.0
        return seconds, waited

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time spent inside as waiting."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves out the time spent inside."""
        start = time.perf_counter()
        yield
        self._since += time.perf_counter() - start
