"""Small generators that translate and that nobody trained."""

from pathlib import Path

import jax
import numpy as np

from pix2pix_jax.config import default_config, updated
from pix2pix_jax.inference import TrainedGenerator
from pix2pix_jax.state import build_model

_SMALL: dict[str, object] = {
    "name": "small",
    "task.kind": "translation",
    "generator.network": "unet",
    "generator.depth": 2,
    "generator.width": 2,
    "discriminator.network": "pixel",
    "image_size": 32,
    "data.resize": 32,
    "data.source": "pairs",
    "test_time": "batch+dropout",
}


def translator(changes: dict[str, object] | None = None) -> TrainedGenerator:
    """A generator whose config differs so from `_SMALL`; its weights are drawn at random."""
    config = updated(default_config(), _SMALL | (changes or {}))
    shapes = jax.eval_shape(build_model(config, 1).init, jax.random.key(0))
    random = np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        return random.normal(0.0, 0.3, leaf.shape).astype(np.float32)

    averages = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5, np.float32), shapes.averages)
    return TrainedGenerator(config, jax.tree.map(draw, shapes.generator.params), averages)


def save_translator(path: Path, changes: dict[str, object] | None = None) -> Path:
    """Saves such a generator; gives the path."""
    translator(changes).save(path)
    return path
