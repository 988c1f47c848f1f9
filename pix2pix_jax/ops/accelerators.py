"""Forms for GPUs and TPUs, where a step takes as long as what it reads and writes in memory."""

import itertools
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from pix2pix_jax.ops import plain

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d_joined(parts: Sequence[jax.Array], kernel: jax.Array) -> jax.Array:
    """As `plain.conv2d_joined`, a convolution of each part: the joined image is not written, nor its gradient cut."""
    ends = list(itertools.accumulate(part.shape[-1] for part in parts))
    kernels = [lax.slice_in_dim(kernel, begin, end, axis=2) for begin, end in itertools.pairwise([0, *ends])]
    return sum(map(plain.conv2d, parts[1:], kernels[1:]), start=plain.conv2d(parts[0], kernels[0]))


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """As `plain.upsample_conv2d`, as one transposed convolution: four times the products, but no upsampled image.

    An output pixel sees an input pixel through the sum of the taps that meet its copies: along one axis, with taps a,
    b, c and a factor of 4, an input pixel goes to six output pixels, through c, c+b, c+b+a, c+b+a, b+a and a.
    """
    kernel = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    for axis in (0, 1):
        margins = [(0, 0)] * 4
        copies = []
        for copy in range(factor):
            margins[axis] = (copy, factor - 1 - copy)
            copies.append(jnp.pad(kernel, margins))
        kernel = sum(copies[1:], start=copies[0])
    return conv_transpose2d(x, kernel, factor, 1)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv_transpose2d(x: jax.Array, kernel: jax.Array, stride: int = 2, padding: int = 1) -> jax.Array:
    """As `plain.conv_transpose2d`, of any stride.

    Differentiated as it stands, its kernel's gradient is a convolution that cuDNN does not know, and transposes both
    images for. It is the kernel's gradient of the convolution that this one transposes.
    """
    batch, height, width, _ = x.shape
    shape = jax.ShapeDtypeStruct((batch, stride * height, stride * width, kernel.shape[2]), x.dtype)
    transposed = jax.linear_transpose(lambda y: _strided(y, kernel, stride, padding), shape)
    return transposed(x)[0].astype(jnp.float32)


def _forward(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return conv_transpose2d(x, kernel, stride, padding), (x, kernel)


def _backward(
    stride: int, padding: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    x_gradient, vjp = jax.vjp(lambda kernel: _strided(gradient.astype(x.dtype), kernel, stride, padding), kernel)
    return x_gradient, *vjp(x)


conv_transpose2d.defvjp(_forward, _backward)


def _strided(y: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """The convolution that is transposed: its kernel [size, size, in, out] in y's dtype, as is what it makes."""
    margins = [(padding, kernel.shape[0] - stride - padding)] * 2
    return lax.conv_general_dilated(y, kernel.astype(y.dtype), (stride, stride), margins, dimension_numbers=_LAYOUT)
