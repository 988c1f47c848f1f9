"""Signals that ask a run to stop: it ends between two steps, and saves what it has."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax

_to_save = False


def has_something_to_save() -> bool:
    """Whether a run in this process has taken a step, which is saved if it is told to stop."""
    return _to_save


@contextmanager
def stop_request() -> Iterator[Callable[[], int]]:
    """Catches signals, so that a run can end between two steps; a second signal ends it at once.

    They are SIGINT, SIGTERM and, where it is not ignored (as by `nohup`), SIGHUP, which a terminal that closes sends.
    Of several processes each may get the signal: JAX's preemption service tells the others of SIGTERM.

    Yields:
        What `train` asks after each step: the signal to stop for, or 0.
    """
    global _to_save
    several, caught = jax.process_count() > 1, 0

    def catch(number: int, _: object) -> None:
        nonlocal caught
        for known, handler in old.items():
            signal.signal(known, handler)
        if several:
            signal.raise_signal(signal.SIGTERM)  # which JAX's service has taken
        caught = number

    def wanted() -> int:
        global _to_save
        _to_save = True
        return caught

    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if several or old[signal.SIGHUP] is not signal.SIG_DFL:
        del old[signal.SIGHUP]
    if several:
        del old[signal.SIGTERM]
    try:
        for number in old:
            signal.signal(number, catch)
        yield wanted
    finally:
        _to_save = False
        for number, handler in old.items():
            signal.signal(number, handler)
