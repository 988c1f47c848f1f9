"""Ctrl-C: the first lets a command end in order, and a second, or one that nobody heeds, ends it at once."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

STATUS = 128 + signal.SIGINT
"""A command's exit status after Ctrl-C."""

_SECONDS = 3.0  # that a command has to end in order

_deferred = 0


_asked = False


def ask() -> None:
    """Says that a first signal has been taken, and what it asks for is under way."""
    global _asked
    _asked = True


def last_line() -> str:
    """What a command says that ends by Ctrl-C, the first or one after it."""
    return "stopped at once" if _asked else "interrupted"


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Says that Ctrl-C within it is heeded, but may take long: a step is finished, and a checkpoint written."""
    global _deferred
    _deferred += 1
    try:
        yield
    finally:
        _deferred -= 1


def leave_at_first() -> None:
    """Has Ctrl-C end this process at once, until `watched`."""
    # Some libraries swallow the exception that Python's own handler raises while they are imported.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _is_main_thread():
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, _: object) -> None:
    leave("interrupted", 128 + number)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()  # whose signals are


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Within it, a second Ctrl-C ends this process, and so does a first that is not heeded soon, unless `deferred`.

    Python heeds a signal only when the main thread is back from whatever it has called: a compilation takes a minute.
    """
    if not _is_main_thread():
        yield
        return
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    old = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=[reading], daemon=True).start()
    # Raised in a callback, an interrupt is told and lost; it is then heeded after a while.
    hook, sys.unraisablehook = sys.unraisablehook, _tell_others
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.set_wakeup_fd(old)
        writing.close()


def _tell_others(raised: Any) -> None:
    if not isinstance(raised.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(raised)


def _listen(reading: socket.socket) -> None:
    """Reads the numbers of the signals as they come."""
    count = 0
    with reading:
        while number := reading.recv(1):
            count += number[0] in (signal.SIGINT, signal.SIGTERM)
            if count > 1:
                leave("stopped at once", 128 + number[0])
            if count and not _deferred:
                threading.Thread(target=_leave_soon, args=[128 + number[0]], daemon=True).start()


def _leave_soon(status: int) -> None:
    time.sleep(_SECONDS)
    leave("interrupted", status)


def leave(message: str, status: int) -> None:
    """Ends this process here and now, with a line on standard error; nothing is waited for."""
    with contextlib.suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)
        sys.stdout.flush()
    os._exit(status)
