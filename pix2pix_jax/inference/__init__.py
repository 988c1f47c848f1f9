"""Trained generators at work: read from runs and files, making images of images of any size and kind, exported."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from pix2pix_jax.inference.colorizing import colorize
    from pix2pix_jax.inference.generator import TrainedGenerator
    from pix2pix_jax.inference.trained import load_trained
    from pix2pix_jax.inference.translating import translate

__all__ = ["TrainedGenerator", "colorize", "load_trained", "translate"]

# These need what reads photographs; `generate` does not.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "colorizing": ["colorize"],
        "generator": ["TrainedGenerator"],
        "trained": ["load_trained"],
        "translating": ["translate"],
    },
)
