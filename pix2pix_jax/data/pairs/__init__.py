"""Pairs of images: found in folders as people have them, or made of photographs."""

from pix2pix_jax.data.pairs.made import MADE, MadeSource, open_made
from pix2pix_jax.data.pairs.opening import open_pair_folder, open_pairs
from pix2pix_jax.data.pairs.source import PairSource

__all__ = ["MADE", "MadeSource", "PairSource", "open_made", "open_pair_folder", "open_pairs"]
