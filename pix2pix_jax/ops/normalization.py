"""Batch normalisation with an activation, whose gradient is computed from the input alone."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

_EPSILON = 1e-5
_AXES = (0, 1, 2)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5))
def batch_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, slope: float, dtype: Any, axis_name: str | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Normalises by the statistics of the batch, scales, shifts and activates.

    A step is bound by the memory that it reads and writes. Differentiated as it stands, this would keep float32
    arrays for the gradient; here only x is kept, in `dtype`, and the gradient reads it twice.

    Args:
        x: float32 [batch, height, width, channels].
        scale: float32 [channels].
        bias: float32 [channels].
        slope: of the activation below 0: 0 for ReLU, 1 for none.
        dtype: dtype of what is kept and returned, float32 or bfloat16; sums are float32.
        axis_name: mapped axis over which statistics are shared; None for this device's batch alone.

    Returns:
        The activations, in `dtype`; and the batch's mean and (biased) variance, float32 [channels], through which no
        gradient flows.
    """
    return _forward(x, scale, bias, slope, dtype, axis_name)[0]


def _forward(x: jax.Array, scale: jax.Array, bias: jax.Array, slope: float, dtype: Any, axis_name: str | None) -> Any:
    kept = x.astype(dtype)
    x = kept.astype(jnp.float32)
    mean, square = _mean((x.mean(_AXES), jnp.square(x).mean(_AXES)), axis_name)
    var = jnp.maximum(square - jnp.square(mean), 0.0)
    y = normalize(x, scale, bias, mean, var, slope).astype(dtype)
    return (y, mean, var), (kept, scale, bias, mean, var)


def _backward(slope: float, dtype: Any, axis_name: str | None, saved: Any, gradients: Any) -> Any:
    kept, scale, bias, mean, var = saved
    # Behind a barrier XLA does not find that it has computed all this before, and keep it.
    scale, bias = lax.optimization_barrier((scale, bias))
    x = kept.astype(jnp.float32)
    gradient = gradients[0].astype(jnp.float32)
    gradient = jnp.where(normalize(x, scale, bias, mean, var) > 0, gradient, slope * gradient)
    inverse = lax.rsqrt(var + _EPSILON)
    whitened = (x - mean) * inverse
    bias_gradient, scale_gradient = gradient.sum(_AXES), (gradient * whitened).sum(_AXES)
    count = math.prod(x.shape[:3])
    shift, along = _mean((bias_gradient / count, scale_gradient / count), axis_name)
    x_gradient = scale * inverse * (gradient - shift - whitened * along)
    return x_gradient.astype(dtype).astype(jnp.float32), scale_gradient, bias_gradient


batch_norm.defvjp(_forward, _backward)


def normalize(
    x: jax.Array, scale: jax.Array, bias: jax.Array, mean: jax.Array, var: jax.Array, slope: float = 1.0
) -> jax.Array:
    """Normalises by a mean and a variance, scales, shifts and activates; arguments as for `batch_norm`."""
    factor = scale * lax.rsqrt(var + _EPSILON)
    y = x * factor + (bias - mean * factor)
    return y if slope == 1.0 else jnp.where(y > 0, y, slope * y)


def _mean(values: Any, axis_name: str | None) -> Any:
    return values if axis_name is None else lax.pmean(values, axis_name)
