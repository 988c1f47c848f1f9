"""Matrix products for CPUs, whose gradients are matrix products too, and steps of what leads to them.

All arrays are float32. The factors are rounded to a dtype, float32 or bfloat16, and their products added up in float32.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export, lax
from jax.experimental.layout import Layout, with_layout_constraint


def matmul(x: jax.Array, matrix: jax.Array, dtype: Any) -> jax.Array:
    """[..., in] times [in, out]: [..., out]. It can be differentiated any number of times."""
    return _times(x.reshape(-1, x.shape[-1]), matrix, dtype).reshape(*x.shape[:-1], -1)


def transpose(function: Callable[[jax.Array], jax.Array], shape: tuple[int, ...]) -> Callable[[jax.Array], jax.Array]:
    """The transpose of a linear function of arrays of a shape, which may be made of `matmul`."""
    # `jax.linear_transpose` does not see through a gradient that is given by hand.
    _, transposed = jax.vjp(function, jnp.zeros(shape, jnp.float32))
    return lambda y: transposed(y)[0]


def shift(x: jax.Array, by: int, axis: int) -> jax.Array:
    """Moves x along an axis, to higher indices where `by` is positive; zeros come in."""
    padding = [(0, 0, 0)] * x.ndim
    padding[axis] = (by, -by, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), padding)


def whole(x: jax.Array) -> jax.Array:
    """x, made once for all its readers, but in exports: XLA makes it once a shape, and moves none past a constraint."""
    exported = any(map(export.is_symbolic_dim, x.shape))
    return x if exported else with_layout_constraint(x, Layout(tuple(range(x.ndim))))


def unstack(x: jax.Array, axis: int) -> list[jax.Array]:
    """The parts of x along an axis, without it. The gradient is one concatenation."""
    return [jnp.squeeze(part, axis) for part in jnp.split(x, x.shape[axis], axis)]


def transposed_kernel(kernel: jax.Array) -> jax.Array:
    """The kernel of the convolution that takes a gradient back to the input."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _bilinear(function: Callable[..., jax.Array], gradients: Callable[..., Any]) -> Callable[..., jax.Array]:
    product = jax.custom_vjp(function, nondiff_argnums=(2,))
    product.defvjp(
        lambda one, other, dtype: (function(one, other, dtype), (one, other)),
        lambda dtype, factors, gradient: gradients(*factors, gradient, dtype),
    )
    return product


def _dot(x: jax.Array, matrix: jax.Array, axis: int, dtype: Any) -> jax.Array:
    # XLA's CPU backend makes float32 of bfloat16 factors of which one is the result of a transposition.
    dimensions = ((1,), (axis,)), ((), ())
    return lax.dot_general(x.astype(dtype), matrix.astype(dtype), dimensions, preferred_element_type=jnp.float32)


def _sum_of_outer(x: jax.Array, y: jax.Array, dtype: Any) -> jax.Array:
    x, y = x.astype(dtype), y.astype(dtype)
    if dtype == jnp.float32:
        return jnp.matmul(x.T, y)
    # In two pieces it is no transposition to XLA, see `_dot`; and as bits none that it makes float32 of on the way.
    bits = lax.bitcast_convert_type(x, jnp.uint16)
    pieces = jnp.concatenate([piece.T for piece in jnp.split(bits, [x.shape[1] // 2], 1)])
    return jnp.matmul(lax.bitcast_convert_type(pieces, x.dtype), y, preferred_element_type=jnp.float32)


# For x [pixels, in], a matrix [in, out] and y [pixels, out], the gradients of each of the three are the other two.
_times = _bilinear(
    lambda x, matrix, dtype: _dot(x, matrix, 0, dtype),
    lambda x, matrix, y, dtype: (_times_transposed(y, matrix, dtype), outer(x, y, dtype)),
)
_times_transposed = _bilinear(
    lambda y, matrix, dtype: _dot(y, matrix, 1, dtype),
    lambda y, matrix, x, dtype: (_times(x, matrix, dtype), outer(x, y, dtype)),
)
outer = _bilinear(
    _sum_of_outer,
    lambda x, y, matrix, dtype: (_times_transposed(y, matrix, dtype), _times(x, matrix, dtype)),
)
"""Sum over the pixels of the outer products of x [pixels, in] and y [pixels, out]: [in, out]."""
