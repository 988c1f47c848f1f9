"""Training: the loop, the step on all devices, several processes, and what a CPU needs."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from pix2pix_jax.training.loop import train

__all__ = ["train"]

# The loop needs what reads photographs and draws figures; the step on all devices needs neither.
__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"loop": ["train"]})
