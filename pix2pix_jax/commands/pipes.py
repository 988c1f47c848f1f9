"""What a command does whose output nobody reads any more."""

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Any

STATUS = 128 + 13
"""A command's exit status then, as a shell has it of one that SIGPIPE ended."""


@contextlib.contextmanager
def closable() -> Iterator[None]:
    """Within it, what reads the output may go, as `head` does: the process then exits with `STATUS` and no word."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        if not _is_gone(sys.stdout) and not _is_gone(sys.stderr):  # it was another pipe
            raise
        os._exit(STATUS)  # sys.exit would try once more, and say so


def _is_gone(stream: Any) -> bool:
    """Whether a stream is a pipe that has no reader."""
    try:
        polled = select.poll()
        polled.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in polled.poll(0))
    except (AttributeError, OSError, ValueError):  # no file, or Windows
        return False
