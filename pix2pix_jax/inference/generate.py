"""From photographs to colour: a generator with its running averages, as pure functions."""

from typing import cast

import jax
import numpy as np

from pix2pix_jax import color
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model
from pix2pix_jax.tasks import Photo, photo_from_rgb, saturated

_BATCH = 32


def colorize(model: Model, params: Params, averages: Params, images: jax.Array) -> jax.Array:
    """Colours photographs, of which only the luma is looked at.

    Args:
        model: the task and the networks.
        params: the generator's.
        averages: the running averages of its batch norms, which stand in for batch statistics.
        images: uint8 RGB [batch, height, width, 3].

    Returns:
        RGB float32 [batch, height, width, 3] in [0, 1], clipped.
    """
    luma = photo_from_rgb(color.from_uint8(images)).luma
    return color.to_unit(_made_photo(model, params, averages, luma).rgb)


def make_chroma(model: Model, params: Params, averages: Params, luma: jax.Array) -> jax.Array:
    """Makes the colour alone, for those who join it with a luma of their own.

    Args:
        model: the task and the networks; of a generator that makes RGB, the chroma of what it makes is taken.
        params: the generator's.
        averages: the running averages of its batch norms, which stand in for batch statistics.
        luma: uint8 [batch, height, width].

    Returns:
        Cr and Cb, float32 [batch, height, width, 2] in [-0.5, 0.5]; for some lumas outside the gamut.
    """
    return _made_photo(model, params, averages, color.from_uint8(luma)[..., None]).chroma / 2.0


def _made_photo(model: Model, params: Params, averages: Params, luma: jax.Array) -> Photo:
    output = model.generator.apply({"params": params, "batch_stats": averages}, luma, train=False)
    made = model.task.photo(luma, cast(jax.Array, output))
    return made if model.saturation == 1.0 else saturated(made, model.saturation)


def colorize_in_batches(
    colorize: jax.stages.Wrapped, params: Params, averages: Params, images: np.ndarray
) -> np.ndarray:
    """Colours any number of photographs with one compiled program.

    Args:
        colorize: `step.colorize` of a model, jitted.
        params: the generator's.
        averages: the running averages of its batch norms.
        images: uint8 RGB [count, height, width, 3].

    Returns:
        RGB float32 [count, height, width, 3] in [0, 1].
    """
    size = min(_BATCH, len(images))
    colored = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        made = colorize(params, averages, np.pad(batch, [(0, size - len(batch)), (0, 0), (0, 0), (0, 0)]))
        colored.append(np.asarray(made)[: len(batch)])
    return np.concatenate(colored)
