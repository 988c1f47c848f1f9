"""The terms of the losses, each a mean over every element."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pix2pix_jax import color

Gan = Literal["vanilla", "lsgan", "hinge", "wgan-gp"]

PatchLogits = jax.Array | tuple[jax.Array, ...]
"""The logit of each patch being real, float [...]; from a discriminator at several strides a map for each."""


class Term(NamedTuple):
    """How a term is shown: on a line of 80 columns, in legends and tables, and in which panel of the curves."""

    short: str
    label: str
    panel: str


_ADVERSARIAL, _L1 = "Adversarial losses", "L1 terms of G"

TERMS = {
    "d_loss": Term("D", "D's loss", _ADVERSARIAL),
    "g_bce": Term("G-ce", "G's cross-entropy", _ADVERSARIAL),
    "g_gan": Term("G-gan", "G's adversarial loss", _ADVERSARIAL),
    "g_features": Term("feat", "L1 of features", _L1),
    "g_l1_rgb": Term("L1-rgb", "L1 of RGB", _L1),
    "g_l1_chroma": Term("L1-chroma", "L1 of CrCb", _L1),
    "g_l1_ab": Term("L1-ab", "L1 of ab", _L1),
    "g_l1": Term("L1", "L1", _L1),
    "g_nearer_to_gray": Term("grey-nearer", "nearer to grey", "Photographs that grey is nearer to"),
}
"""How the terms are shown, by their names in the metrics, in their order."""

_UNSHOWN = {"g_loss", "d_real", "d_fake", "d_penalty"}  # sums, which say less than their parts, and parts of D's


def shown_terms(names: Iterable[str]) -> dict[str, Term]:
    """The terms to show among the names of some metrics; one that is not in `TERMS` goes by its own name."""
    there = [name for name in dict.fromkeys(names) if name.startswith(("g_", "d_")) and name not in _UNSHOWN]
    known = {name: term for name, term in TERMS.items() if name in there}
    return known | {name: Term(name, name, name) for name in there if name not in TERMS}


@dataclass(frozen=True)
class ObjectiveConfig:
    """How the two networks play against each other. The defaults are the reference's."""

    gan: Gan = "vanilla"  # cross-entropy, least squares (Mao 2017), hinge (Lim 2017), Wasserstein (Gulrajani 2017)
    discriminator_factor: float = 1.0  # of the discriminator's whole loss; the paper has 0.5
    real_label: float = 1.0  # vanilla, lsgan: what D is to say of true images; 0.9 is one-sided label smoothing
    gradient_penalty: float = 10.0  # wgan-gp: weight of the penalty
    feature_matching: float = 0.0  # weight of the L1 between a projected D's features of made and of true images
    discriminator_first: bool = False  # whether G's loss uses the D that this step has updated, as in the PyTorch code


def real_loss(patch_logits: PatchLogits, gan: Gan, label: float = 1.0) -> jax.Array:
    """The discriminator's loss on true images.

    Args:
        patch_logits: what it says of them.
        gan: which objective; "vanilla" is the binary cross-entropy, in nats.
        label: what it should say, for "vanilla" and "lsgan".
    """
    if gan == "vanilla":
        return _mean(lambda x: optax.sigmoid_binary_cross_entropy(x, jnp.full_like(x, label)), patch_logits)
    if gan == "lsgan":
        return _mean(lambda logits: jnp.square(logits - label), patch_logits)
    if gan == "hinge":
        return _mean(lambda logits: jax.nn.relu(1.0 - logits), patch_logits)
    return -_mean(lambda logits: logits, patch_logits)


def fake_loss(patch_logits: PatchLogits, gan: Gan) -> jax.Array:
    """The discriminator's loss on made images; the arguments as for `real_loss`."""
    if gan in ("vanilla", "lsgan"):
        return real_loss(patch_logits, gan, 0.0)
    return _mean(lambda logits: jax.nn.relu(1.0 + logits) if gan == "hinge" else logits, patch_logits)


def fooling_loss(patch_logits: PatchLogits, gan: Gan) -> jax.Array:
    """The generator's adversarial loss on what the discriminator says of made images."""
    if gan in ("vanilla", "lsgan"):
        return real_loss(patch_logits, gan)
    return -_mean(lambda logits: logits, patch_logits)


def _mean(term: Callable[[jax.Array], jax.Array], patch_logits: PatchLogits) -> jax.Array:
    """The mean of a term of every patch's logit; of several maps each counts alike, however many patches it has."""
    if isinstance(patch_logits, tuple):
        return sum((term(logits).mean() for logits in patch_logits), start=jnp.zeros(())) / len(patch_logits)
    return term(patch_logits).mean()


def gradient_penalty(
    discriminate: Callable[[jax.Array], PatchLogits], real: jax.Array, fake: jax.Array, share: jax.Array
) -> jax.Array:
    """How far the discriminator's gradient is from norm 1 between true and made images (Gulrajani et al., 2017, eq. 3).

    Args:
        discriminate: the discriminator, from its input to its patch logits.
        real: what it sees of true images, float [batch, height, width, channels].
        fake: what it sees of made ones, of the same shape.
        share: of the true image in each mixture, float [batch] in [0, 1].

    Returns:
        The mean squared distance over the batch, a scalar.
    """
    share = share[:, None, None, None]
    gradient = jax.grad(lambda mixed: optax.tree.sum(discriminate(mixed)))(share * real + (1.0 - share) * fake)
    # A little is added since the norm has no gradient at 0.
    norm = jnp.sqrt(jnp.square(gradient).sum((1, 2, 3)) + 1e-12)
    return jnp.square(norm - 1.0).mean()


def l1_of_features(made: Any, truth: Any) -> jax.Array:
    """Mean absolute difference of features, each map's beside the mean of its true ones (Wang et al., 2018, eq. 4).

    Args:
        made: a tree of made images' feature maps, float [batch, height, width, channels] each.
        truth: the true images'.

    Returns:
        The mean over maps and images, a float32 scalar; 0 of equal features.
    """

    def difference(ours: jax.Array, theirs: jax.Array) -> jax.Array:
        ours, theirs = ours.astype(jnp.float32), theirs.astype(jnp.float32)
        return (jnp.abs(ours - theirs).mean((1, 2, 3)) / jnp.abs(theirs).mean((1, 2, 3))).mean()

    of_each = jax.tree.leaves(jax.tree.map(difference, made, truth))
    return sum(of_each, start=jnp.zeros(())) / len(of_each)


def l1(made: jax.Array, truth: jax.Array) -> jax.Array:
    """Mean absolute difference of two arrays of one shape, a scalar in their units."""
    return jnp.abs(made - truth).mean()


def l1_of_chroma(made: jax.Array, truth: jax.Array, emphasis: float) -> jax.Array:
    """Mean absolute error of chroma in which colourful pixels count more, since most pixels are nearly grey.

    A pixel's weight is 1 + emphasis · |its true chroma| / |the mean one|, scaled so that the mean weight is 1.

    Args:
        made: Cr and Cb, float [batch, height, width, 2] in [-1, 1].
        truth: the true ones.
        emphasis: how much more; with 0 it is `l1`.

    Returns:
        A scalar in the units of chroma.
    """
    if not emphasis:
        return l1(made, truth)
    strength = jnp.sqrt(jnp.square(truth).sum(-1, keepdims=True))
    weight = (1.0 + emphasis * strength / jnp.maximum(strength.mean(), 1e-6)) / (1.0 + emphasis)
    return (weight * jnp.abs(made - truth)).mean()


_SOFTNESS = 2.0  # units of CIE94; a photograph that grey is nearer to by as much counts as 0.73


def share_nearer_to_gray(made: jax.Array, truth: jax.Array, luma: jax.Array) -> jax.Array:
    """A smooth share of the photographs that the grey image is nearer to than the made one, by mean CIE94.

    Args:
        made: RGB, float [batch, height, width, 3]; clipped to [-1, 1].
        truth: the true RGB.
        luma: Y, [batch, height, width, 1]: the grey image.

    Returns:
        The mean over photographs of a sigmoid, a scalar in [0, 1].
    """
    gray = jnp.broadcast_to(luma, truth.shape)
    farther = (cie94(made, truth) - cie94(gray, truth)).mean((1, 2))
    return jax.nn.sigmoid(farther / _SOFTNESS).mean()


def cie94(made: jax.Array, truth: jax.Array) -> jax.Array:
    """The colour difference CIE94 of every pixel (graphic arts: k_L = 1, K_1 = 0.045, K_2 = 0.015), with a gradient.

    Args:
        made: RGB, float [..., 3]; clipped to [-1, 1].
        truth: the reference's RGB.

    Returns:
        Differences [...], 0.1 of equal colours: the root is rounded off there, where it has no gradient.
    """
    # Of black CIELAB has none either.
    ours, reference = (
        jnp.asarray([50.0, 110.0, 110.0]) * color.rgb_to_lab(jnp.clip(rgb, -0.99, 1.0)) for rgb in (made, truth)
    )
    squares = jnp.square(ours - reference)
    chroma, reference_chroma = (jnp.sqrt(jnp.square(lab[..., 1:]).sum(-1) + 1e-4) for lab in (ours, reference))
    of_chroma = jnp.square(chroma - reference_chroma)
    of_hue = jnp.maximum(squares[..., 1] + squares[..., 2] - of_chroma, 0.0)
    return jnp.sqrt(
        squares[..., 0]
        + of_chroma / jnp.square(1.0 + 0.045 * reference_chroma)
        + of_hue / jnp.square(1.0 + 0.015 * reference_chroma)
        + 0.01
    )
