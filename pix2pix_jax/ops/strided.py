"""Convolutions of any stride and padding, and transposed ones, for CPUs: as matrix products.

All are made of three functions that are linear in both arguments. Written for one axis, with stride s:

    correlate:  y[i] = sum over t of x[s · i + t] · kernel[t]
    spread:     x[s · i + t] += y[i] · kernel[t]ᵀ
    outer:      kernel[t] = sum over i of x[s · i + t]ᵀ · y[i]

The gradients of each are the other two.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export, lax

from pix2pix_jax.ops import direct, winograd
from pix2pix_jax.ops.windows import transposed_kernel

_FEWEST_TILES = 128  # of 2×2 pixels, from which Winograd's form pays: it takes time for the kernel
_FEWEST_CHANNELS = 64  # in and out, from which it pays: it takes time for both images
_LARGEST = {jnp.dtype(jnp.float32): 4, jnp.dtype(jnp.bfloat16): 3}  # sides of kernels for which it is precise enough


class _Form(NamedTuple):
    correlate: Callable[..., jax.Array]
    spread: Callable[..., jax.Array]
    outer: Callable[..., jax.Array]


_WINOGRAD = _Form(winograd.correlate, winograd.spread, winograd.outer)
_DIRECT = {
    stride: _Form(*(partial(function, stride=stride) for function in (direct.correlate, direct.spread, direct.outer)))
    for stride in (1, 2)
}


def conv2d(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """As `plain.conv2d`."""
    batch, *lengths, channels = x.shape
    height, width = ((length + 2 * padding - kernel.shape[0]) // stride + 1 for length in lengths)
    kernel = _evened(kernel, stride)
    size, features = kernel.shape[0], kernel.shape[3]
    seen = [stride * (number - 1) + size for number in (height, width)]
    margins = [(padding, after - before - padding, 0) for before, after in zip(lengths, seen, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *margins, (0, 0, 0)])
    if _winograd_pays(x.dtype, size // stride, batch * height * width, stride**2 * channels, features):
        if stride == 2:
            x, kernel = _squares(x), _square_kernel(kernel)
        return _correlate(x, kernel, _WINOGRAD)
    if stride == 1 and features < channels:  # fewer products to store than windows
        y = _spread(x, transposed_kernel(kernel), _DIRECT[1])
        return y[:, size - 1 : size - 1 + height, size - 1 : size - 1 + width]
    return _correlate(x, kernel, _DIRECT[stride])


def conv_transpose2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """As `plain.conv_transpose2d`."""
    batch, height, width, channels = x.shape
    kernel = _evened(kernel, 2)
    if _winograd_pays(x.dtype, 2, batch * height * width, channels, 4 * kernel.shape[2]):
        y = _from_squares(_spread(x, _square_kernel(kernel), _WINOGRAD))
    else:
        y = _spread(x, kernel, _DIRECT[2])
    return y[:, 1:-1, 1:-1]


def _winograd_pays(dtype: Any, size: int, pixels: int, channels: int, features: int) -> bool:
    """Whether to use `winograd` for a kernel of that side, and so many pixels and channels in and out.

    Not where the size is not known yet, as in an export.
    """
    large = not export.is_symbolic_dim(pixels) and pixels >= 4 * _FEWEST_TILES
    large = large and min(channels, features) >= _FEWEST_CHANNELS
    return large and 1 < size <= _LARGEST[dtype]


def _evened(kernel: jax.Array, stride: int) -> jax.Array:
    """The kernel with a side that is a multiple of the stride."""
    more = -kernel.shape[0] % stride
    return jnp.pad(kernel, ((0, more), (0, more), (0, 0), (0, 0)))


def _squares(x: jax.Array) -> jax.Array:
    """The pixels of each 2×2 square as channels of one: [batch, height / 2, width / 2, 4 · channels]."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels).swapaxes(2, 3)
    return x.reshape(batch, height // 2, width // 2, 4 * channels)


def _from_squares(x: jax.Array) -> jax.Array:
    """The inverse of `_squares`."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, 2, 2, channels // 4).swapaxes(2, 3)
    return x.reshape(batch, 2 * height, 2 * width, channels // 4)


def _square_kernel(kernel: jax.Array) -> jax.Array:
    """The kernel of stride 1 for squares: [size / 2, size / 2, 4 · in, out]."""
    half, channels, features = kernel.shape[0] // 2, *kernel.shape[2:]
    return kernel.reshape(half, 2, half, 2, channels, features).swapaxes(1, 2).reshape(half, half, -1, features)


_correlate = jax.custom_vjp(lambda x, kernel, form: form.correlate(x, kernel), nondiff_argnums=(2,))
_spread = jax.custom_vjp(lambda y, kernel, form: form.spread(y, kernel), nondiff_argnums=(2,))
_outer = jax.custom_vjp(lambda x, y, form: form.outer(x, y), nondiff_argnums=(2,))


def _saving_both(function: Any) -> Callable[..., Any]:
    return lambda x, y, form: (function(x, y, form), (x, y))


def _correlate_backward(form: _Form, saved: tuple[jax.Array, jax.Array], y: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    y = y.astype(x.dtype)
    return _spread(y, kernel, form).astype(x.dtype), _outer(x, y, form)


def _spread_backward(form: _Form, saved: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[jax.Array, jax.Array]:
    y, kernel = saved
    x = x.astype(y.dtype)
    return _correlate(x, kernel, form).astype(y.dtype), _outer(x, y, form)


def _outer_backward(form: _Form, saved: tuple[jax.Array, jax.Array], kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, y = saved
    return _spread(y, kernel, form).astype(x.dtype), _correlate(x, kernel, form).astype(y.dtype)


_correlate.defvjp(_saving_both(_correlate), _correlate_backward)
_spread.defvjp(_saving_both(_spread), _spread_backward)
_outer.defvjp(_saving_both(_outer), _outer_backward)
