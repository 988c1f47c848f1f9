"""Where the console scripts begin: Ctrl-C is one line even while a command imports what it needs.

`python -m pix2pix_jax.commands.start NAME` is `pix2pix-NAME`.
"""

import gc
import importlib
import sys
from functools import partial

from pix2pix_jax.commands import interrupts


def run(name: str) -> int | None:
    """Imports a command and runs it."""
    interrupts.leave_at_first()
    gc.disable()  # what is imported stays: to look for garbage takes a sixth of the time
    return importlib.import_module(f"pix2pix_jax.commands.{name}").main()


_NAMES = "colorize", "compare", "evaluate", "export", "page", "translate"
colorize, compare, evaluate, export, page, translate = (partial(run, name) for name in _NAMES)


if __name__ == "__main__":
    sys.exit(run(sys.argv.pop(1)))
