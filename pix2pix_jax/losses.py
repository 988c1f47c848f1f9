"""The terms of the losses, each a mean over every element."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import optax

Gan = Literal["vanilla", "lsgan", "hinge", "wgan-gp"]


@dataclass(frozen=True)
class ObjectiveConfig:
    """How the two networks play against each other. The defaults are the reference's."""

    gan: Gan = "vanilla"  # cross-entropy, least squares (Mao 2017), hinge (Lim 2017), Wasserstein (Gulrajani 2017)
    discriminator_factor: float = 1.0  # of the discriminator's whole loss; the paper has 0.5
    real_label: float = 1.0  # vanilla, lsgan: what D is to say of true images; 0.9 is one-sided label smoothing
    gradient_penalty: float = 10.0  # wgan-gp: weight of the penalty
    discriminator_first: bool = False  # whether G is judged by the D that this step has updated, as in the PyTorch code


def cross_entropy(patch_logits: jax.Array, label: float) -> jax.Array:
    """Binary cross-entropy of every patch's logit with one label.

    Args:
        patch_logits: float [...].
        label: of every patch: 1 for real, 0 for fake.

    Returns:
        The mean, a scalar in nats.
    """
    return optax.sigmoid_binary_cross_entropy(patch_logits, jnp.full_like(patch_logits, label)).mean()


def real_loss(patch_logits: jax.Array, gan: Gan, label: float = 1.0) -> jax.Array:
    """The discriminator's loss on true images.

    Args:
        patch_logits: what it says of them, float [...].
        gan: which objective.
        label: what it should say, for "vanilla" and "lsgan".
    """
    if gan == "vanilla":
        return cross_entropy(patch_logits, label)
    if gan == "lsgan":
        return jnp.square(patch_logits - label).mean()
    return jax.nn.relu(1.0 - patch_logits).mean() if gan == "hinge" else -patch_logits.mean()


def fake_loss(patch_logits: jax.Array, gan: Gan) -> jax.Array:
    """The discriminator's loss on made images; the arguments as for `real_loss`."""
    if gan == "vanilla":
        return cross_entropy(patch_logits, 0.0)
    if gan == "lsgan":
        return jnp.square(patch_logits).mean()
    return jax.nn.relu(1.0 + patch_logits).mean() if gan == "hinge" else patch_logits.mean()


def fooling_loss(patch_logits: jax.Array, gan: Gan) -> jax.Array:
    """The generator's adversarial loss on what the discriminator says of made images, float [...]."""
    if gan in ("vanilla", "lsgan"):
        return real_loss(patch_logits, gan)
    return -patch_logits.mean()


def gradient_penalty(
    judge: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array, share: jax.Array
) -> jax.Array:
    """How far the discriminator's gradient is from norm 1 between true and made images (Gulrajani et al., 2017, eq. 3).

    Args:
        judge: the discriminator, of what it sees to its patch logits.
        real: what it sees of true images, float [batch, height, width, channels].
        fake: what it sees of made ones, of the same shape.
        share: of the true image in each mixture, float [batch] in [0, 1].

    Returns:
        The mean squared distance over the batch, a scalar.
    """
    share = share[:, None, None, None]
    gradient = jax.grad(lambda mixed: judge(mixed).sum())(share * real + (1.0 - share) * fake)
    # A little is added since the norm has no gradient at 0.
    norm = jnp.sqrt(jnp.square(gradient).sum((1, 2, 3)) + 1e-12)
    return jnp.square(norm - 1.0).mean()


def l1(made: jax.Array, truth: jax.Array) -> jax.Array:
    """Mean absolute difference of two arrays of one shape, a scalar in their units."""
    return jnp.abs(made - truth).mean()
