"""Colours from a reference photograph: points where what the encoder sees in both agrees."""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax import color
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.points import Point
from pix2pix_jax.networks.efficientnet.encoder import Encoder, Variant

_SIDE, _LONGEST = 160, 640  # px, of what the encoder sees
_STRIDE = 8  # of its finer features; the coarser have twice that
_RADIUS = 2.5 / _SIDE
# Of 0.4 to 0.8, on 64 held-out photographs, by an earlier generator: crops of one scene that share half of their width
# have a CIEDE2000 that is 44 % lower with each other as reference, and with an unrelated photograph 0.4 % higher (at
# 0.6: 45 and 6 %).
_ALIKE = 0.75


def points_like(generator: TrainedGenerator, luma: NDArray[np.uint8], reference: Image.Image) -> list[Point]:
    """Finds the places of a photograph that look like one of the reference, and gives them its colours.

    Places are 8×8 pixels of 160. Two are alike where each is the other's nearest by the encoder's features at strides 8
    and 16 (cosine of what differs from their mean), and near enough.

    Args:
        generator: one that takes points and has an encoder.
        luma: the photograph, uint8 [H, W].
        reference: a photograph in colour, of any size and mode.

    Returns:
        Points of the photograph; none where nothing is alike.

    Raises:
        UserError: if the generator is of another kind.
    """
    config = generator.config.generator
    if not generator.takes_points or config.network != "efficientnet":
        raise UserError("colours like a reference's need a generator that takes points and has an encoder")
    colors = _small(reference.convert("RGB"))
    own, others = (
        np.asarray(_features(config.variant, generator.params["encoder"], seen))
        for seen in (color.as_unit(_small(Image.fromarray(luma))), color.to_gray(colors / 255.0)[..., 0])
    )
    rows, columns = own.shape[:2]
    alike = own.reshape(rows * columns, -1) @ others.reshape(-1, others.shape[2]).T
    nearest = alike.argmax(1)
    mutual = alike.argmax(0)[nearest] == np.arange(len(nearest))
    height, width = others.shape[:2]
    means = colors.reshape(height, _STRIDE, width, _STRIDE, 3).mean((1, 3)).round().astype(int).reshape(-1, 3)
    return [
        Point(
            (place % columns + 0.5) / columns,
            (place // columns + 0.5) / rows,
            "#{:02x}{:02x}{:02x}".format(*means[nearest[place]]),
            _RADIUS,
        )
        for place in np.flatnonzero(mutual & (alike.max(1) > _ALIKE))
    ]


def _small(image: Image.Image) -> NDArray[np.uint8]:
    """The image at the encoder's scale, its sides multiples of 32."""
    shorter = min(image.size)
    size = [32 * max(1, round(min(side * _SIDE / shorter, _LONGEST) / 32)) for side in image.size]
    return np.asarray(image.resize((size[0], size[1]), Image.Resampling.BICUBIC, reducing_gap=3.0))


@partial(jax.jit, static_argnums=0)
def _features(variant: Variant, params: dict, seen: jax.Array) -> jax.Array:
    """Features of a grey image, float32 [H, W] in [0, 1]: float32 [H / 8, W / 8, channels] of length 1."""
    luma = color.from_pixels(seen)[None, ..., None]
    features = cast(list[jax.Array], Encoder(variant).apply({"params": params}, jnp.repeat(luma, 3, -1)))
    parts = []
    for level, repeats in ((2, 1), (3, 2)):  # strides 8 and 16
        differing = features[level][0] - features[level][0].mean((0, 1))
        length = jnp.sqrt(jnp.square(differing).sum(-1, keepdims=True) + 1e-6)
        parts.append((differing / length).repeat(repeats, 0).repeat(repeats, 1))
    return jnp.concatenate(parts, -1) / 2.0**0.5
