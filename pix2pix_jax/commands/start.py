"""Where the console scripts begin: Ctrl-C is one line even while a command imports what it needs.

`python -m pix2pix_jax.commands.start NAME` is `pix2pix-NAME`.
"""

import importlib
import sys
from functools import partial

from pix2pix_jax.commands import interrupts


def run(name: str) -> int | None:
    """Imports a command and runs it."""
    interrupts.leave_at_first()
    return importlib.import_module(f"pix2pix_jax.commands.{name}").main()


compare, evaluate, export = (partial(run, name) for name in ("compare", "evaluate", "export"))


if __name__ == "__main__":
    sys.exit(run(sys.argv.pop(1)))
