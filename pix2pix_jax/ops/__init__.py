"""Convolutions and pooling, in the form that is fast on the platform a program is compiled for.

`plain` says what each operation is. The faster forms give the same numbers to rounding. JAX chooses while it lowers a
program, so an export or a program for another machine gets the forms for its target, not for the machine it is made on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import jax
from jax import lax

from pix2pix_jax.ops import accelerators, cpu_convolutions, depthwise, plain, strided, upsampling
from pix2pix_jax.ops.normalization import lean_batch_norm, normalize, plain_batch_norm
from pix2pix_jax.ops.plain import avg_pool

__all__ = [
    "avg_pool",
    "batch_norm",
    "conv2d",
    "conv2d_joined",
    "conv_transpose2d",
    "depthwise_conv2d",
    "for_platform",
    "normalize",
    "upsample_conv2d",
]

_traced_for: ContextVar[str | None] = ContextVar("traced_for", default=None)


@contextmanager
def for_platform(platform: str) -> Iterator[None]:
    """Has what is traced within take the forms of one platform alone, such as "cpu": half as much is traced.

    "any" are the plain forms, for runtimes other than JAX's.
    """
    token = _traced_for.set(platform)
    try:
        yield
    finally:
        _traced_for.reset(token)


def batch_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, slope: float, dtype: Any, axis_name: str | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `normalization.plain_batch_norm`."""
    options = {"slope": slope, "dtype": dtype, "axis_name": axis_name}
    return _by_platform(plain_batch_norm, lean_batch_norm, x, scale, bias, **options)


def conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int | None = None) -> jax.Array:
    """As `plain.conv2d`."""
    return _by_platform(cpu_convolutions.conv2d, plain.conv2d, x, kernel, stride=stride, padding=padding)


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d_joined`."""
    return _by_platform(cpu_convolutions.conv2d_joined, accelerators.conv2d_joined, parts, kernel)


def conv_transpose2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `plain.conv_transpose2d`."""
    return _by_platform(strided.conv_transpose2d, accelerators.conv_transpose2d, x, kernel)


def depthwise_conv2d(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """As `plain.depthwise_conv2d`."""
    return _by_platform(depthwise.shifted_conv2d, plain.depthwise_conv2d, x, kernel, stride=stride)


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """As `plain.upsample_conv2d`."""
    return _by_platform(upsampling.upsample_conv2d, accelerators.upsample_conv2d, x, kernel, factor=factor)


def _by_platform(cpu: Callable[..., Any], default: Callable[..., Any], *operands: Any, **options: Any) -> Any:
    platform = _traced_for.get()
    if platform is None:
        return lax.platform_dependent(*operands, cpu=partial(cpu, **options), default=partial(default, **options))
    form = getattr(plain, default.__name__, cpu) if platform == "any" else cpu if platform == "cpu" else default
    return form(*operands, **options)
