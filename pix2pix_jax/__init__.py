"""pix2pix in JAX: images from images with a conditional GAN; grey photographs in colour."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from pix2pix_jax.config import default_config, experiment_config
    from pix2pix_jax.inference import Point, colorize, load_trained, translate
    from pix2pix_jax.inference.film import colorize_film
    from pix2pix_jax.training.loop import train

__version__ = "0.1.0"

__all__ = [
    "Point",
    "colorize",
    "colorize_film",
    "default_config",
    "experiment_config",
    "load_trained",
    "train",
    "translate",
]

# Imported when asked for: JAX alone takes a second.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["default_config", "experiment_config"],
        "inference": ["Point", "colorize", "load_trained", "translate"],
        "inference.film": ["colorize_film"],
        "training.loop": ["train"],
    },
)
