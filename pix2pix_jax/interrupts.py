"""Ending a run between two steps when a signal asks for it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collects the signals that ask to stop, so that a run can end between two steps.

    A second one ends the process as usual.
    """
    caught: list[int] = []
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def catch(number: int, _: object) -> None:
        caught.append(number)
        for known, handler in old.items():
            signal.signal(known, handler)

    try:
        for number in old:
            signal.signal(number, catch)
    except ValueError:  # only the main thread may; elsewhere signals are the caller's
        old = {}
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
