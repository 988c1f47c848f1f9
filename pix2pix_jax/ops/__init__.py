"""Convolutions and pooling, in the form that is fast on the platform a program is compiled for.

`plain` says what each operation is. The faster forms give the same numbers to rounding. JAX chooses while it lowers a
program, so an export or a program for another machine gets the forms for its target, not for the machine it is made on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax

from pix2pix_jax.ops import accelerators, cpu_convolutions, plain, strided, upsampling
from pix2pix_jax.ops.depthwise import plain_depthwise_conv2d, shifted_depthwise_conv2d
from pix2pix_jax.ops.normalization import lean_batch_norm, normalize, plain_batch_norm
from pix2pix_jax.ops.plain import avg_pool

__all__ = [
    "avg_pool",
    "batch_norm",
    "conv2d",
    "conv2d_joined",
    "conv_transpose2d",
    "depthwise_conv2d",
    "normalize",
    "upsample_conv2d",
]


def batch_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, slope: float, dtype: Any, axis_name: str | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `normalization.plain_batch_norm`."""

    def form(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, scale, bias: function(x, scale, bias, slope, dtype, axis_name)

    return lax.platform_dependent(x, scale, bias, cpu=form(plain_batch_norm), default=form(lean_batch_norm))


def conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int | None = None) -> jax.Array:
    """As `plain.conv2d`."""
    if stride != 1 or padding is not None:
        margin = kernel.shape[0] // 2 if padding is None else padding
        return lax.platform_dependent(
            x,
            kernel,
            cpu=partial(strided.conv2d, stride=stride, padding=margin),
            default=partial(plain.conv2d, stride=stride, padding=margin),
        )
    return lax.platform_dependent(x, kernel, cpu=cpu_convolutions.conv2d, default=plain.conv2d)


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d_joined`."""
    return lax.platform_dependent(parts, kernel, cpu=cpu_convolutions.conv2d_joined, default=accelerators.conv2d_joined)


def conv_transpose2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `plain.conv_transpose2d`."""
    return lax.platform_dependent(x, kernel, cpu=strided.conv_transpose2d, default=accelerators.conv_transpose2d)


def depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """As `depthwise.plain_depthwise_conv2d`."""
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(shifted_depthwise_conv2d, stride=stride),
        default=partial(plain_depthwise_conv2d, stride=stride),
    )


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """As `plain.upsample_conv2d`."""
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(upsampling.upsample_conv2d, factor=factor),
        default=partial(accelerators.upsample_conv2d, factor=factor),
    )
