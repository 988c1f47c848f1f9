"""The terms of the losses, each a mean over every element."""

import jax
import jax.numpy as jnp
import optax


def cross_entropy(patch_logits: jax.Array, real: bool) -> jax.Array:
    """Binary cross-entropy of every patch's logit with the label "real" or "fake".

    Args:
        patch_logits: float [...].
        real: whether the label of every patch is 1 or 0.

    Returns:
        The mean, a scalar in nats.
    """
    labels = jnp.full_like(patch_logits, float(real))
    return optax.sigmoid_binary_cross_entropy(patch_logits, labels).mean()


def l1(made: jax.Array, truth: jax.Array) -> jax.Array:
    """Mean absolute difference of two arrays of one shape, a scalar in their units."""
    return jnp.abs(made - truth).mean()
