"""Ctrl-C: the first lets a command end in order; a second, or one that has no effect, ends it at once."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_SECONDS = 3.0  # that a command has to end in order


def leave_at_first() -> None:
    """Has Ctrl-C end this process at once, until `watched`: while a command imports, there is nothing to end in order.

    Some libraries swallow the exception that Python's own handler raises while they are imported.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, _: object) -> None:
    leave("interrupted", 128 + number)


@contextlib.contextmanager
def watched(may_take_long: Callable[[], bool]) -> Iterator[None]:
    """Within it, a second Ctrl-C ends this process, and so does a first that has had no effect after a while.

    Python acts on a signal only when the main thread is back from what it has called, and a compilation takes a minute.

    Args:
        may_take_long: whether the command gets all the time that it needs, since work would be lost.
    """
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    old = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=[reading, may_take_long], daemon=True).start()
    # An interrupt that is raised in a callback is printed and lost; after a while it takes effect nevertheless.
    hook, sys.unraisablehook = sys.unraisablehook, _print_others
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.set_wakeup_fd(old)
        writing.close()


def _print_others(raised: Any) -> None:
    # Where a checkpoint cannot be read or written, threads at work on other files complain that nobody waits for them.
    if not isinstance(raised.exc_value, KeyboardInterrupt) and "loop is closed" not in str(raised.exc_value):
        sys.__unraisablehook__(raised)


def _listen(reading: socket.socket, may_take_long: Callable[[], bool]) -> None:
    """Reads the numbers of the signals as they come."""
    count = 0
    with reading:
        while number := reading.recv(1):
            count += number[0] in (signal.SIGINT, signal.SIGTERM)
            if count > 1:
                leave("interrupted", 128 + number[0])
            if count and not may_take_long():
                threading.Thread(target=_leave_soon, args=[128 + number[0], may_take_long], daemon=True).start()


def _leave_soon(status: int, may_take_long: Callable[[], bool]) -> None:
    time.sleep(_SECONDS)
    if not may_take_long():  # asked only now: a first step may have ended meanwhile, and be about to be saved
        leave("interrupted", status)


def leave(message: str, status: int) -> None:
    """Ends this process here and now, with a line on standard error; nothing is waited for."""
    with contextlib.suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)
        sys.stdout.flush()
    os._exit(status)
