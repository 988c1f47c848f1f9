"""Trained generators at work: read from runs and files, making images of images of any size and kind, exported."""

from pix2pix_jax.inference.archives import ArchiveColorizer
from pix2pix_jax.inference.colorizing import colorize
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.points import Point
from pix2pix_jax.inference.trained import load_trained
from pix2pix_jax.inference.translating import translate

__all__ = ["ArchiveColorizer", "Point", "TrainedGenerator", "colorize", "load_trained", "translate"]
