"""The console scripts, a module each, and what they share."""

import sys
from types import TracebackType

from pix2pix_jax import interrupts

_other = sys.excepthook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a command is still importing is one line too."""
    if issubclass(kind, KeyboardInterrupt):
        interrupts.leave("interrupted", interrupts.STATUS)
    _other(kind, error, trace)


sys.excepthook = _hook
