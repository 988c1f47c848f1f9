"""Points of colour that training draws from the truth, so that a generator learns to follow those that people give."""

import jax
import jax.numpy as jnp

CHANNELS = 3
"""Of a map of points: where they are, Cr and Cb."""

NONE = 1 / 3
"""Share of the training images that get no points, so that a generator stays good without any."""

_MOST = 100  # for an image; a geometric distribution goes beyond it once in thousands
_SIDES = (3, 5, 7, 9)  # of squares, pixels


def draw_points(key: jax.Array, chroma: jax.Array, mean: float) -> jax.Array:
    """Draws points for training: none for a third of the images, for the others geometrically many.

    Args:
        key: a PRNG key.
        chroma: the true Cr and Cb, float [batch, height, width, 2] in [-1, 1]; at least 9×9 pixels.
        mean: how many points an image gets on average that gets any, 1 or more.

    Returns:
        As `points_at`.
    """
    count_key, none_key, key = jax.random.split(key, 3)
    batch = chroma.shape[0]
    uniform = jax.random.uniform(count_key, (batch,), minval=1e-7)
    # The quantile of the geometric distribution: 1, 2, … with this mean.
    counts = jnp.ones(batch) if mean == 1.0 else 1.0 + jnp.floor(jnp.log(uniform) / jnp.log1p(-1.0 / mean))
    counts = jnp.where(jax.random.uniform(none_key, (batch,)) < NONE, 0, jnp.minimum(counts, _MOST)).astype(jnp.int32)
    return points_at(key, chroma, counts)


def points_at(key: jax.Array, chroma: jax.Array, counts: jax.Array) -> jax.Array:
    """Draws so many points for each image, at random places: squares of 3 to 9 pixels, each with its mean chroma.

    Args:
        key: a PRNG key.
        chroma: the true Cr and Cb, float [batch, height, width, 2] in [-1, 1]; at least 9×9 pixels.
        counts: how many points each image gets, int32 [batch].

    Returns:
        float [batch, height, width, 3]: 1 in the squares and 0 elsewhere; there Cr and Cb, 0 elsewhere.
    """
    batch, height, width = chroma.shape[:3]
    sums = jnp.pad(chroma.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0), (0, 0)))
    rows, columns, images = jnp.arange(height), jnp.arange(width), jnp.arange(batch)

    def add(number: jax.Array, drawn: jax.Array) -> jax.Array:
        side_key, place_key = jax.random.split(jax.random.fold_in(key, number))
        side = jax.random.choice(side_key, jnp.array(_SIDES), (batch,))
        down, along = jax.random.uniform(place_key, (2, batch))
        top, left = (down * (height - side + 1)).astype(int), (along * (width - side + 1)).astype(int)
        bottom, right = top + side, left + side
        total = sums[images, bottom, right] - sums[images, top, right]
        total += sums[images, top, left] - sums[images, bottom, left]
        value = jnp.concatenate([jnp.ones((batch, 1)), total / side[:, None] ** 2], -1)
        of_rows = (rows >= top[:, None]) & (rows < bottom[:, None]) & (number < counts)[:, None]
        of_columns = (columns >= left[:, None]) & (columns < right[:, None])
        inside = of_rows[:, :, None, None] & of_columns[:, None, :, None]
        return jnp.where(inside, value[:, None, None], drawn)

    empty = jnp.zeros((batch, height, width, CHANNELS), chroma.dtype)
    return jax.lax.fori_loop(0, jnp.max(counts), add, empty)
