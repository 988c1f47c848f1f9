"""The console scripts, a module each, and what they share."""

import sys
from pathlib import Path

from pix2pix_jax import interrupts

# While a command imports what it needs, there is nothing to end in order; `cli.run_command` takes over. Those that make
# images see to it themselves. Python says -m until it has found the module.
if Path(sys.argv[0] if sys.argv else "").name in (
    "train.py",
    "pix2pix-evaluate",
    "pix2pix-export",
    "pix2pix-compare",
    "-m",
):
    interrupts.leave_at_first()
