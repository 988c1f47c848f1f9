"""A trained generator as one file that colours, or translates, without this package.

The file is a `jax.export` artifact: StableHLO with the weights in it, for any number of images of any size that the
generator takes.
"""

import math

import jax
import jax.numpy as jnp
from jax import export

from pix2pix_jax.config import updated
from pix2pix_jax.inference import generate
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.networks.efficientnet import SMALLEST_SEEN, EfficientNetUNet
from pix2pix_jax.state import Weights


def export_generator(trained: TrainedGenerator) -> export.Exported:
    """Traces a generator for every size at once, its weights as constants.

    Where its `test_time` keeps dropout, that draws the same for the same image at every call.

    Returns:
        A program that does what `TrainedGenerator.colorize`, or of pairs `translate`, does for one batch: uint8
        [batch, height, width, 3, or the input's channels] to float32 [batch, height, width, 3, or the output's] in
        [0, 1]. Of a generator that takes points of colour, a second argument is their map as `point_map` draws it,
        float32 [batch, height, width, 3], zeros for none. Height and width are divisible by the network's
        `size_multiple` and at least its `smallest_size`, with an EfficientNet at least 128. It does not bring images to
        the config's `coloring_side`.
    """
    config, network = updated(trained.config, {"coloring_side": 0, "data.resize": 0}), trained.network
    kept = jax.tree.map(_narrowest, trained.weights)
    translates = trained.translates
    run = generate.translate if translates else generate.colorize

    def make(images: jax.Array, *points: jax.Array) -> jax.Array:
        # Widened inside the program, so that the file holds what was kept.
        weights: Weights = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), kept)
        if config.test_time == "running":
            return run(config, weights, images, None, *points)
        # The output for an image must not depend on the others' statistics.
        return jax.vmap(lambda image, *own: run(config, weights, image[None], None, *(o[None] for o in own))[0])(
            images, *points
        )

    multiple = network.size_multiple
    channels = trained.config.task.condition_channels if translates else 3
    # Whether to enlarge the image first cannot depend on a size that is not known yet.
    smallest = SMALLEST_SEEN if isinstance(network, EfficientNetUNet) else network.smallest_size
    least = math.ceil(smallest / multiple)
    sizes = f"batch, {multiple}*rows, {multiple}*columns"
    shape = export.symbolic_shape(sizes, constraints=[f"rows >= {least}", f"columns >= {least}"])
    given = [jax.ShapeDtypeStruct((*shape, channels), jnp.uint8)]
    if trained.takes_points:
        given.append(jax.ShapeDtypeStruct((*shape, 3), jnp.float32))
    return export.export(jax.jit(make), platforms=("cpu", "cuda", "tpu"))(*given)


def _narrowest(weights: jax.Array) -> jax.Array:
    """The weights as float16 where that holds them exactly, as it does all kernels from a file: half the size."""
    narrow = jnp.asarray(weights, jnp.float16)
    return narrow if jnp.array_equal(narrow.astype(jnp.float32), weights) else jnp.asarray(weights)
