"""Luma as an old print or a bad scan has it, so that a generator learns to colour those too."""

import jax
import jax.numpy as jnp
import numpy as np

_BLOCK = 8  # px; side of JPEG's blocks


def aged(luma: jax.Array, key: jax.Array, share: float = 1.0) -> jax.Array:
    """Makes some images old, each in its own way.

    In this order: gamma (to the power of e^±0.5), blur (Gaussian, up to 1.5 pixels wide), grain (up to 8 % of the
    range, somewhat blurred), faded black and white, a border (up to 6 % of a side), and what JPEG's quantisation
    leaves.

    Args:
        luma: float32 [batch, height, width, 1] in [-1, 1].
        key: what is drawn from.
        share: which share of the images.

    Returns:
        The shape and range of luma.
    """
    draws = jax.random.split(key, luma.shape[0])
    return jax.vmap(lambda image, key: _maybe_aged(image, key, share))(luma, draws)


def _maybe_aged(luma: jax.Array, key: jax.Array, share: float) -> jax.Array:
    chosen, *keys = jax.random.split(key, 7)
    old = (luma[..., 0] + 1.0) / 2.0
    old = jnp.clip(old, 1e-4, 1.0) ** jnp.exp(jax.random.uniform(keys[0], minval=-0.5, maxval=0.5))
    old = _blurred(old, jax.random.uniform(keys[1], maxval=1.5))
    old += _grain(keys[2], old.shape)
    black, white = jax.random.uniform(keys[3], (2,), maxval=0.25)
    old = black + (1.0 - white - black) * old
    old = _framed(old, keys[4])
    old = _compressed(jnp.clip(old, 0.0, 1.0), keys[5])
    return jnp.where(jax.random.uniform(chosen) < share, 2.0 * old[..., None] - 1.0, luma)


def _blurred(image: jax.Array, sigma: jax.Array) -> jax.Array:
    """Gaussian blur of [height, width]: a product with a band matrix for each axis."""

    def band(length: int) -> jax.Array:
        distance = jnp.arange(length)[:, None] - jnp.arange(length)
        weights = jnp.exp(-0.5 * (distance / jnp.maximum(sigma, 0.1)) ** 2)
        return weights / weights.sum(1, keepdims=True)

    height, width = image.shape
    return band(height) @ image @ band(width).T


def _grain(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    noise_key, strength_key, size_key = jax.random.split(key, 3)
    noise = jax.random.normal(noise_key, shape)
    noise = _blurred(noise, jax.random.uniform(size_key, maxval=0.8))
    return jax.random.uniform(strength_key, maxval=0.08) * noise


def _framed(image: jax.Array, key: jax.Array) -> jax.Array:
    """With a border of one brightness on a half of the images; each of its sides has a width of its own."""
    framed, level, widths = jax.random.split(key, 3)
    height, width = image.shape
    left, right, top, bottom = jax.random.uniform(widths, (4,), maxval=0.06)
    rows, columns = (jnp.arange(height)[:, None] + 0.5) / height, (jnp.arange(width) + 0.5) / width
    inside = (rows > top) & (rows < 1.0 - bottom) & (columns > left) & (columns < 1.0 - right)
    # Paper is bright and a negative's edge is dark.
    brightness = jnp.round(jax.random.uniform(level)) * 0.9 + 0.05
    return jnp.where(inside | (jax.random.uniform(framed) < 0.5), image, brightness)


def _compressed(image: jax.Array, key: jax.Array) -> jax.Array:
    """As JPEG leaves it: the cosine transform of each 8×8 block, rounded to a step that grows with the frequency."""
    height, width = image.shape
    if height % _BLOCK or width % _BLOCK:
        return image
    number = np.arange(_BLOCK)
    transform = np.sqrt(2.0 / _BLOCK) * np.cos(np.pi / _BLOCK * np.outer(number, number + 0.5))
    transform[0] /= np.sqrt(2.0)
    transform = jnp.asarray(transform, jnp.float32)
    blocks = image.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    frequencies = jnp.einsum("ui,vj,yixj->yuxv", transform, transform, blocks)
    step = jax.random.uniform(key, minval=0.002, maxval=0.06) * (1.0 + number[:, None] + number)
    step = jnp.asarray(step)[None, :, None]
    restored = jnp.einsum("ui,vj,yuxv->yixj", transform, transform, jnp.round(frequencies / step) * step)
    return jnp.clip(restored.reshape(height, width), 0.0, 1.0)
