"""3×3 convolutions of small images by Winograd's minimal filtering, F(3×3, 3×3).

Along one axis, three outputs of a convolution with three taps see five inputs. As the taps and the inputs are the
coefficients of two polynomials, five products are enough, of their values at five points (0, 1, -1, 2 and infinity),
where the plain form takes nine (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016,
arXiv:1509.09308). In two dimensions 25 products give nine outputs, where the plain form takes 81.

The transforms of images and kernel are matrix products too: with height and width in front, one matrix transforms all
tiles of an axis, and with them the zeros around the image.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

TILE = 3
"""Height and width must be divisible by this."""

_POINTS = 5

# Of the first two, rows are points, and columns the inputs that a tile sees, and the taps. The last has it the other
# way round: rows are a tile's outputs.
_INPUT = np.array([[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]])
_KERNEL = np.array([[3, 0, 0], [-3, -3, -3], [-1, 1, -1], [1, 2, 4], [0, 0, 6]]) / 6
_OUTPUT = np.array([[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 1]])


@jax.custom_vjp
def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride-1 3×3 convolution with zero padding that keeps height and width.

    Rounding is three to seven times that of the plain form: 1e-6 to 2e-6 of the result (root mean square, 64 to 256
    channels).

    Args:
        x: float32 [batch, height, width, in], height and width divisible by 3.
        kernel: float32 [3, 3, in, out].

    Returns:
        float32 [batch, height, width, out].
    """
    height, width = x.shape[1:3]
    products = _product(_to_points(x, _input_matrix(height), _input_matrix(width)), _kernel_values(kernel), 2, 1)
    return _from_points(products, _output_matrix(height), _output_matrix(width))


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return conv2d(x, kernel), (x, kernel)


def _backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    height, width = x.shape[1:3]
    gradient = _to_points(gradient, _output_matrix(height).T, _output_matrix(width).T)
    x_gradient = _product(gradient, _kernel_values(kernel), 2, 2)
    # The compiler takes these values of x from the forward pass.
    kernel_gradient = _product(_to_points(x, _input_matrix(height), _input_matrix(width)), gradient, 1, 1)
    kernel_gradient = jnp.matmul(_kernel_matrix().T, kernel_gradient.reshape(_POINTS**2, -1))
    return (
        _from_points(x_gradient, _input_matrix(height).T, _input_matrix(width).T),
        kernel_gradient.reshape(kernel.shape),
    )


conv2d.defvjp(_forward, _backward)


def _input_matrix(size: int) -> np.ndarray:
    """Takes an axis of inputs to their values at the points: [5 · tiles, size], the points in front of the tiles."""
    tiles = size // TILE
    padded = np.zeros((_POINTS, tiles, size + 2), np.float32)
    for tile in range(tiles):
        padded[:, tile, TILE * tile : TILE * tile + _INPUT.shape[1]] = _INPUT
    return padded[:, :, 1:-1].reshape(-1, size)


def _output_matrix(size: int) -> np.ndarray:
    """Takes the products at the points to an axis of outputs: [size, 5 · tiles]."""
    every = np.einsum("op,ts->tops", _OUTPUT, np.eye(size // TILE))
    return every.reshape(size, -1).astype(np.float32)


def _kernel_matrix() -> np.ndarray:
    """Takes the nine taps to their values at the 25 points: [25, 9]."""
    return np.kron(_KERNEL, _KERNEL).astype(np.float32)


def _kernel_values(kernel: jax.Array) -> jax.Array:
    """[3, 3, in, out] to [25, in, out]."""
    return jnp.matmul(_kernel_matrix(), kernel.reshape(TILE**2, -1)).reshape(-1, *kernel.shape[2:])


def _product(x: jax.Array, y: jax.Array, x_axis: int, y_axis: int) -> jax.Array:
    """The matrix product at every point, over one axis of each."""
    return lax.dot_general(x, y, (((x_axis,), (y_axis,)), ((0,), (0,))))


def _to_points(x: jax.Array, rows: np.ndarray, columns: np.ndarray) -> jax.Array:
    """Takes an image to its values at the points.

    Args:
        x: [batch, height, width, channels].
        rows: [5 · tiles in height, height].
        columns: [5 · tiles in width, width].

    Returns:
        [25, tiles · batch, channels].
    """
    height, width, channels = x.shape[1:]
    values = jnp.matmul(rows, x.transpose(1, 2, 0, 3).reshape(height, -1))
    values = _on_every(columns, values.reshape(len(rows), width, -1))
    return values.reshape(_POINTS, len(rows) // _POINTS, _POINTS, -1).swapaxes(1, 2).reshape(_POINTS**2, -1, channels)


def _from_points(values: jax.Array, rows: np.ndarray, columns: np.ndarray) -> jax.Array:
    """Takes values at the points to an image: the reverse of `_to_points`, with matrices the other way round."""
    height, width, channels = len(rows), len(columns), values.shape[-1]
    values = values.reshape(_POINTS, _POINTS, rows.shape[1] // _POINTS, -1).swapaxes(1, 2)
    values = _on_every(columns, values.reshape(rows.shape[1], columns.shape[1], -1))
    x = jnp.matmul(rows, values.reshape(rows.shape[1], -1))
    return x.reshape(height, width, -1, channels).transpose(2, 0, 1, 3)


def _on_every(matrix: np.ndarray, x: jax.Array) -> jax.Array:
    """The product of one matrix with each of a stack."""
    return jnp.matmul(jnp.broadcast_to(matrix, (len(x), *matrix.shape)), x)
