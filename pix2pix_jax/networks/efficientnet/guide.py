"""Points of colour, as the generator with an encoder follows them."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from pix2pix_jax.networks.layers import Conv

_HEADS, _QUERY = 4, 16
_REACHES = (0.0, 1.0, 3.0, 10.0)  # of the heads, as training begins: how fast attention falls with distance
_NEAR = 20.0  # places, the unit of distance: 160 pixels at stride 8

_RADIUS = 4  # px: within what squares chroma is a line in luma
_FLAT = 4e-3  # variance of luma in [-1, 1] that counts as none


def at_points(made: jax.Array, points: jax.Array, stride: int) -> jax.Array:
    """What the points say at a stride.

    Args:
        made: Cr and Cb that the generator makes without them, float [batch, height, width, 2] in [-1, 1].
        points: 1 where there is one and 0 elsewhere; there Cr and Cb: float [batch, height, width, 3].
        stride: pixels a side that are summed up.

    Returns:
        float [batch, height / stride, width / stride, 6]: whether there is one, its share of the area, its chroma, and
        by how much that differs from what is made.
    """
    there, chroma = points[..., :1], points[..., 1:]
    given = jnp.concatenate([there, there * chroma, there * (chroma - made)], -1)
    batch, height, width, channels = given.shape
    mean = given.reshape(batch, height // stride, stride, width // stride, stride, channels).mean((2, 4))
    share = mean[..., :1]
    return jnp.concatenate([(share > 0.0).astype(given.dtype), share, mean[..., 1:] / jnp.maximum(share, 1e-6)], -1)


def along_luma(chroma: jax.Array, luma: jax.Array) -> jax.Array:
    """Has the edges of colour follow those of luma, by the guided filter of He et al. (2013).

    Args:
        chroma: float32 [batch, height, width, channels].
        luma: float32 [batch, height, width, 1] in [-1, 1].

    Returns:
        float32, the shape of `chroma`.
    """

    def means_of(length: int) -> jax.Array:
        at = jnp.arange(length)
        near = (jnp.abs(at[:, None] - at) <= _RADIUS).astype(jnp.float32)
        return near / near.sum(1, keepdims=True)

    rows, columns = means_of(luma.shape[1]), means_of(luma.shape[2])
    mean = partial(jnp.einsum, "ij,kl,bjlc->bikc", rows, columns, precision="highest")
    means = mean(jnp.concatenate([luma, luma * luma, chroma, luma * chroma], -1))
    of_luma, of_square, of_chroma, of_product = jnp.split(means, [1, 2, 2 + chroma.shape[-1]], -1)
    slope = (of_product - of_luma * of_chroma) / (of_square - of_luma * of_luma + _FLAT)
    slope, start = jnp.split(mean(jnp.concatenate([slope, of_chroma - slope * of_luma], -1)), 2, -1)
    return slope * luma + start


class Attention(nn.Module):
    """Every place attends (Vaswani et al., 2017) to the points whose features are like its own, and near.

    So a point colours all of a thing, and no other.

    Attributes:
        dtype: dtype of the products, float32 or bfloat16; parameters are float32.
    """

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, features: jax.Array, points: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Tells every place what the points say.

        Args:
            features: of the image, float [batch, height, width, channels].
            points: what `at_points` gives at their stride, float [batch, height, width, 6].

        Returns:
            float32 [batch, height, width, 20]: of each of four heads how much it attends to points, and their means.
            And the mean of the former, [batch, height, width, 1] in [0, 1].
        """
        batch, height, width, _ = features.shape
        count = height * width
        query, key = (
            Conv(_HEADS * _QUERY, 1, self.dtype, name=name)(features).reshape(batch, count, _HEADS, _QUERY)
            for name in ("query", "key")
        )
        reach = self.param("reach", lambda _: jnp.array(_REACHES))
        nothing = self.param("nothing", nn.initializers.zeros, (_HEADS,))
        places = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1).reshape(count, 2)
        distances = jnp.square((places[:, None] - places) / _NEAR).sum(-1)
        logits = jnp.einsum("bqnd,bknd->bnqk", query, key) * _QUERY**-0.5
        logits -= nn.softplus(reach)[:, None, None] * distances
        logits += jnp.where(points[..., 0].reshape(batch, 1, 1, count) > 0.0, 0.0, -1e9)
        # One more place to attend to, where there is nothing: no point need say anything.
        rest = jnp.broadcast_to(nothing[:, None, None], (batch, _HEADS, count, 1))
        weights = nn.softmax(jnp.concatenate([logits, rest], -1))[..., :-1]
        values = jnp.concatenate([points[..., :1], points[..., 2:]], -1).reshape(batch, count, -1)
        said = jnp.einsum("bnqk,bkv->bqnv", weights, values)
        attended = said[..., 0].mean(-1)
        return said.reshape(batch, height, width, -1), attended.reshape(batch, height, width, 1)
