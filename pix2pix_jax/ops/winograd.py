"""Convolution of stride 1 without padding and its gradients, with fewer products: Winograd's minimal filtering.

Written for `strided`, which says what the three are. Tiles of 2×2 pixels of the result see (size + 1)² pixels of x. All
three, and the kernel, are written in another basis, in which one product of each pair of coefficients is enough: 9
instead of the 16 of a 2×2 kernel, 25 instead of the 64 of a 4×4 one (Lavin and Gray, 2016:
https://arxiv.org/abs/1509.09308).
"""

from collections.abc import Callable, Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from pix2pix_jax.ops.windows import matmul
from pix2pix_jax.ops.windows import outer as outer_product

_TILE = 2  # larger ones save more products, and cost precision and programs that take longer to compile
_POINTS = 0, 1, -1, 2  # small numbers, for precision

Grid = list[list[jax.Array]]
"""Arrays of one shape, by row and column: pixels of all tiles, taps of a kernel, or their coefficients."""


def correlate(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """[batch, height, width, in] to float32 [batch, height - size + 1, width - size + 1, out]."""
    size = kernel.shape[0]
    of_x, of_kernel, of_y = _bases(size)
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    tiles = _transform(of_x, _tiles(x, height, width, size + 1))
    y = _transform(of_y.T, _each(matmul, _cast(tiles, x), _transform(of_kernel, _taps(kernel))))
    return _joined(y)[:, :height, :width]


def spread(y: jax.Array, kernel: jax.Array) -> jax.Array:
    """[batch, height, width, out] to float32 [batch, height + size - 1, width + size - 1, in]."""
    size = kernel.shape[0]
    of_x, of_kernel, of_y = _bases(size)
    height, width = y.shape[1:3]
    tiles = _transform(of_y, _tiles(y, height, width, _TILE))
    kernels = _transform(of_kernel, _taps(kernel))
    x = _each(lambda tile, kernel: matmul(tile, kernel, transposed=True), _cast(tiles, y), kernels)
    for axis in (1, 2):
        x = [_overlapped(_combined(of_x.T, column), axis) for column in zip(*x, strict=True)]
    return _joined(x)[:, : height + size - 1, : width + size - 1]


def outer(x: jax.Array, y: jax.Array) -> jax.Array:
    """[batch, height, width, in] and what `correlate` makes of it to a kernel's gradient [size, size, in, out]."""
    height, width = y.shape[1:3]
    size = x.shape[1] - height + 1
    of_x, of_kernel, of_y = _bases(size)
    x_tiles = _cast(_transform(of_x, _tiles(x, height, width, size + 1)), x)
    y_tiles = _cast(_transform(of_y, _tiles(y, height, width, _TILE)), y)
    taps = _transform(of_kernel.T, _each(outer_product, x_tiles, y_tiles))
    return jnp.stack([jnp.stack(row) for row in taps])


def _bases(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrices that write pixels of x, taps of the kernel and pixels of the result in the other basis.

    A kernel and a tile of the result are polynomials, whose values at `_POINTS` and infinity say what their product is.
    """
    number = _TILE + size - 1

    def values(terms: int) -> np.ndarray:
        at_points = np.vander(_POINTS[: number - 1], terms, increasing=True)
        return np.vstack([at_points, np.eye(terms)[-1]])

    return np.linalg.inv(values(number)).T.round(12), values(size), values(_TILE)


def _transform(matrix: np.ndarray, grid: Grid) -> Grid:
    """Both axes of a grid, written in another basis."""
    for _ in range(2):
        grid = [_combined(matrix, column) for column in zip(*grid, strict=True)]
    return grid


def _combined(matrix: np.ndarray, arrays: Iterable[jax.Array]) -> list[jax.Array]:
    """A matrix times a vector of arrays, without what is multiplied by 0."""
    arrays = list(arrays)

    def total(weights: np.ndarray) -> jax.Array:
        terms = [x if weight == 1 else float(weight) * x for weight, x in zip(weights, arrays, strict=True) if weight]
        return sum(terms[1:], start=terms[0])

    return [total(weights) for weights in matrix]


def _each(product: Callable[[jax.Array, jax.Array], jax.Array], xs: Grid, ys: Grid) -> Grid:
    return [[product(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(xs, ys, strict=True)]


def _cast(grid: Grid, like: jax.Array) -> Grid:
    return [[x.astype(like.dtype) for x in row] for row in grid]


def _taps(kernel: jax.Array) -> Grid:
    size = range(kernel.shape[0])
    return [[kernel[row, column] for column in size] for row in size]


def _tiles(x: jax.Array, height: int, width: int, size: int) -> Grid:
    """The pixels of overlapping tiles of side `size`, for results of that height and width, as float32."""
    rows, columns = (-(-length // _TILE) for length in (height, width))
    below, right = _TILE * (rows - 1) + size - x.shape[1], _TILE * (columns - 1) + size - x.shape[2]
    x = jnp.pad(x.astype(jnp.float32), ((0, 0), (0, below), (0, right), (0, 0)))
    return [
        [x[:, row : row + _TILE * rows : _TILE, column : column + _TILE * columns : _TILE] for column in range(size)]
        for row in range(size)
    ]


def _overlapped(parts: Sequence[jax.Array], axis: int) -> list[jax.Array]:
    """Adds up what overlaps along an axis: pixels of overlapping tiles to those of tiles side by side."""
    steps = (len(parts) - 1) // _TILE
    padded = []
    for number, part in enumerate(parts):
        margins = [(0, 0)] * part.ndim
        margins[axis] = number // _TILE, steps - number // _TILE
        padded.append(jnp.pad(part, margins))
    return [sum(padded[first + _TILE :: _TILE], start=padded[first]) for first in range(_TILE)]


def _joined(tiles: Grid) -> jax.Array:
    """The image that tiles side by side make."""
    image = jnp.stack([jnp.stack(row, 3) for row in tiles], 2)
    batch, rows, _, columns, _, channels = image.shape
    return image.reshape(batch, _TILE * rows, _TILE * columns, channels)
