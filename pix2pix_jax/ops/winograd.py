"""Convolution of stride 1 without padding, with fewer products: Winograd's minimal filtering.

Tiles of 2×2 pixels of the result see (size + 1)² pixels of x. Tiles, kernel and result are written in another basis, in
which one product of each pair of coefficients is enough: 9 instead of the 16 of a 2×2 kernel, 25 instead of the 64 of a
4×4 one (Lavin and Gray, 2016: https://arxiv.org/abs/1509.09308). Both gradients take as many products.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pix2pix_jax.ops.products import matmul, unstack, whole

_TILE = 2  # larger ones save more products, and cost precision and programs that take longer to compile
_POINTS = 0, 1, -1, 2  # small numbers, for precision


def correlate(x: jax.Array, kernel: jax.Array, dtype: Any) -> jax.Array:
    """Convolution with a stride of 1, without padding.

    Args:
        x: float32 [batch, height, width, in].
        kernel: float32 [size, size, in, out], size 2 to 4.
        dtype: dtype of the products, float32 or bfloat16.

    Returns:
        float32 [batch, height - size + 1, width - size + 1, out].
    """
    size = kernel.shape[0]
    of_x, of_kernel, of_y = _bases(size)
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    tiles = [_combined(of_x, _taps(row, 2, width, size + 1)) for row in _combined(of_x, _taps(x, 1, height, size + 1))]
    kernels = [_combined(of_kernel, unstack(row, 0)) for row in _combined(of_kernel, unstack(kernel, 0))]
    products = [
        [matmul(tile, kernel, dtype) for tile, kernel in zip(*rows, strict=True)]
        for rows in zip(tiles, kernels, strict=True)
    ]
    columns = [_combined(of_y.T, column) for column in zip(*products, strict=True)]
    y = jnp.stack([jnp.stack(_combined(of_y.T, row), 3) for row in zip(*columns, strict=True)], 2)
    batch, rows, _, across, _, features = y.shape
    return whole(y.reshape(batch, _TILE * rows, _TILE * across, features))[:, :height, :width]


def _bases(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrices that write pixels of x, taps of the kernel and pixels of the result in the other basis.

    A kernel and a tile of the result are polynomials, whose values at `_POINTS` and infinity say what their product is.
    """
    number = _TILE + size - 1

    def values(terms: int) -> np.ndarray:
        at_points = np.vander(_POINTS[: number - 1], terms, increasing=True)
        return np.vstack([at_points, np.eye(terms)[-1]])

    return np.linalg.inv(values(number)).T.round(12), values(size), values(_TILE)


def _taps(x: jax.Array, axis: int, length: int, size: int) -> list[jax.Array]:
    """Along an axis, for a result of that length: the first pixel of x that each tile sees, the second, and so on."""
    count = -(-length // _TILE)
    margins = [(0, 0)] * x.ndim
    margins[axis] = (0, _TILE * (count + (size - 1) // _TILE) - x.shape[axis])
    phases = jnp.pad(x, margins).reshape(*x.shape[:axis], -1, _TILE, *x.shape[axis + 1 :])
    parts = unstack(phases, axis + 1)
    starts = [(parts[tap % _TILE], tap // _TILE) for tap in range(size)]
    return [lax.slice_in_dim(part, start, start + count, axis=axis) for part, start in starts]


def _combined(matrix: np.ndarray, arrays: Iterable[jax.Array]) -> Sequence[jax.Array]:
    """A matrix times a vector of arrays, without what is multiplied by 0."""
    arrays = list(arrays)

    def total(weights: np.ndarray) -> jax.Array:
        terms = [x if weight == 1 else float(weight) * x for weight, x in zip(weights, arrays, strict=True) if weight]
        return sum(terms[1:], start=terms[0])

    return [total(weights) for weights in matrix]
