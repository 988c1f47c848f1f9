"""Stride-1 convolutions, plain and behind nearest-neighbour upsampling, in the forms that devices are fast at.

All take the input in the dtype of the computation and the kernel in float32, and return float32, which is what a batch
norm wants. Products are of the input's dtype and added up in float32, but for XLA's own convolutions: those are slow in
bfloat16 on a CPU, and get float32 there.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_NHWC = ("NHWC", "HWIO", "NHWC")

# Channels up to which windows and a matmul beat XLA's convolutions on a CPU (images have 1 to 4).
_FEW = 4

# Side of the largest kernel of which a block of pixels holds both margins.
_MOST = 5


def conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Stride-1 convolution with zero padding that keeps height and width.

    Args:
        x: [batch, height, width, in], float32 or bfloat16.
        kernel: float32 [size, size, in, out], size odd.

    Returns:
        float32 [batch, height, width, out].
    """
    size, _, channels, features = kernel.shape
    if size == 1:
        return _matmul(x, kernel[0, 0])
    if jax.default_backend() != "cpu":
        return _xla_conv2d(x, kernel.astype(x.dtype)).astype(jnp.float32)
    if min(channels, features) > _FEW or size > _MOST:
        return _conv2d_of_many(x.astype(jnp.float32), kernel)
    width = x.shape[2]
    block = _block(min(channels, features))
    x = jnp.pad(x, ((0, 0), (0, 0), (0, -width % block), (0, 0)))
    y = _conv2d_from_few(x, kernel) if channels <= _FEW else _conv2d_to_few(x, kernel)
    return y[:, :, :width]


def upsample_conv2d(x: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Nearest-neighbour upsampling followed by a 3×3 convolution, computed without the upsampled tensor.

    Along one axis, with taps a, b, c: of the `factor` outputs that belong to x[i], the first is
    a·x[i-1] + (b+c)·x[i], the last (a+b)·x[i] + c·x[i+1], and those between are all (a+b+c)·x[i]. So three products of
    every input are enough, p = a·x, s = (a+b+c)·x and q = c·x: the outputs are s[i] + (p[i-1] - p[i]), s[i], and
    s[i] + (q[i+1] - q[i]). In two dimensions nine products of every input are enough, where the plain form takes
    9 · factor². They are one matmul, and so are both gradients.

    Outputs that are equal are returned once: three per axis of those that belong to an input are enough, the first,
    one between, the last (the first and the last alone where factor is 2). `repeat_between` makes all of them.

    Args:
        x: [batch, height, width, in], float32 or bfloat16.
        kernel: float32 [3, 3, in, out].
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, height, n, width, n, out], n = min(factor, 3); repeated, it equals the plain form to rounding.
    """
    return _upsample_conv2d(x, kernel, factor > 2)


def skip_conv2d(x: jax.Array, skip: jax.Array, kernel: jax.Array, factor: int) -> jax.Array:
    """Convolution of an upsampled image with a skip connection beside it, both in its channels.

    On a CPU neither the upsampled image nor the concatenation is made: a matrix takes what differs of x to products,
    another one skip, and the products are added up.

    Args:
        x: [batch, height, n, width, n, in], equal outputs of an upsampling once, in the order of `upsample_conv2d`.
        skip: [batch, factor · height, factor · width, more], dtype of x.
        kernel: float32 [size, size, in + more, out], size odd.
        factor: upsampling factor, at least 2.

    Returns:
        float32 [batch, factor · height, factor · width, out]: `conv2d` of `repeat_between(x, factor)` and skip,
        concatenated in this order, to rounding.
    """
    size, _, _, features = kernel.shape
    few = 1 < size <= _MOST and features <= _FEW and factor == _block(features)
    if few and jax.default_backend() == "cpu":
        return _skip_conv2d_to_few(x, skip, kernel)
    return conv2d(jnp.concatenate([repeat_between(x, factor), skip], -1), kernel)


def between_counts(factor: int) -> tuple[int, ...]:
    """How many of the `factor` outputs of an input along one axis are equal to each that `upsample_conv2d` returns."""
    return (1, factor - 2, 1) if factor > 2 else (1, 1)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def repeat_between(x: jax.Array, factor: int) -> jax.Array:
    """All outputs of an upsampling convolution, from those that differ.

    Args:
        x: [batch, height, n, width, n, channels], in the order of `upsample_conv2d`.
        factor: upsampling factor, at least 2.

    Returns:
        [batch, factor · height, factor · width, channels].
    """
    batch, height, _, width, _, channels = x.shape
    x = _repeat(_repeat(x, factor, 4), factor, 2)
    return x.reshape(batch, factor * height, factor * width, channels)


def _repeat_between_forward(x: jax.Array, factor: int) -> tuple[jax.Array, None]:
    return repeat_between(x, factor), None


def _repeat_between_backward(factor: int, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    batch, height, width, channels = gradient.shape
    gradient = gradient.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return (_sum_repeated(_sum_repeated(gradient, factor, 4), factor, 2),)


repeat_between.defvjp(_repeat_between_forward, _repeat_between_backward)


def _repeat(x: jax.Array, factor: int, axis: int) -> jax.Array:
    """All `factor` outputs along an axis, from those that differ."""
    counts = between_counts(factor)
    parts = zip(jnp.split(x, len(counts), axis), counts, strict=True)
    return jnp.concatenate([part for part, count in parts for _ in range(count)], axis)


def _sum_repeated(x: jax.Array, factor: int, axis: int) -> jax.Array:
    """The transpose of `_repeat`: adds up what belongs to equal outputs.

    What JAX derives pads every part to the whole and adds up the wholes. A reduction, which would be shorter, is slow
    in bfloat16 on a CPU: it costs a tenth of the step.
    """
    starts = np.cumsum(between_counts(factor))[:-1]
    parts = [jnp.split(part, part.shape[axis], axis) for part in jnp.split(x, starts, axis)]
    return jnp.concatenate([sum(part[1:], start=part[0]) for part in parts], axis)


def _xla_conv2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_NHWC)


def _matmul(x: jax.Array, matrix: jax.Array, transposed: bool = False) -> jax.Array:
    """X [..., in] times a matrix [in, out], or [out, in] if `transposed`, in x's dtype, added up in float32."""
    # XLA's CPU backend makes float32 of bfloat16 factors of which one is the result of a transposition.
    dimensions = ((1,), (int(transposed),)), ((), ())
    factors = x.reshape(-1, x.shape[-1]), matrix.astype(x.dtype)
    return lax.dot_general(*factors, dimensions, preferred_element_type=jnp.float32).reshape(*x.shape[:-1], -1)


def _outer(x: jax.Array, y: jax.Array) -> jax.Array:
    """Sum over all leading axes of the outer products of x [..., m] and y [..., n]: float32 [m, n]."""
    x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
    if x.dtype == jnp.float32:
        return jnp.matmul(x.T, y)
    # In two pieces it is no transposition to XLA, see `_matmul`; and as bits none that it makes float32 of on the way.
    bits = lax.bitcast_convert_type(x, jnp.uint16)
    pieces = jnp.concatenate([piece.T for piece in jnp.split(bits, [x.shape[1] // 2], 1)])
    return jnp.matmul(lax.bitcast_convert_type(pieces, x.dtype), y, preferred_element_type=jnp.float32)


def _shift(x: jax.Array, by: int, axis: int) -> jax.Array:
    """Moves x along an axis, to higher indices where `by` is positive; zeros come in."""
    padding = [(0, 0, 0)] * x.ndim
    padding[axis] = (by, -by, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), padding)


def _product_matrix(kernel: jax.Array) -> jax.Array:
    """The matrix [in, 9 · out] of the products that `upsample_conv2d` takes: first taps, sums, last taps, per axis."""
    # A reduction of so few is slow on a CPU.
    kernel = jnp.stack([kernel[0], kernel[0] + kernel[1] + kernel[2], kernel[2]])
    kernel = jnp.stack([kernel[:, 0], kernel[:, 0] + kernel[:, 1] + kernel[:, 2], kernel[:, 2]], 1)
    return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)


def _spread(products: list[jax.Array], inner: bool, axis: int) -> jax.Array:
    """The outputs along an axis from the three products, on a new axis behind it; `inner` if there are any between."""
    first, between, last = products
    first = between + _shift(first, 1, axis) - first
    last = between + _shift(last, -1, axis) - last
    return jnp.stack([first, between, last] if inner else [first, last], axis + 1)


def _gather(gradient: jax.Array, axis: int) -> list[jax.Array]:
    """The transpose of `_spread`: gradients of the three products from those of the outputs, on the axis behind."""
    outputs = [lax.index_in_dim(gradient, index, axis + 1, keepdims=False) for index in range(gradient.shape[axis + 1])]
    first, last = outputs[0], outputs[-1]
    return [_shift(first, -1, axis) - first, sum(outputs[1:], start=first), _shift(last, 1, axis) - last]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _upsample_conv2d(x: jax.Array, kernel: jax.Array, inner: bool) -> jax.Array:
    batch, height, width, _ = x.shape
    features = kernel.shape[-1]
    products = _matmul(x, _product_matrix(kernel)).reshape(batch, height, width, 3, 3, features)
    rows = [_spread([products[:, :, :, row, column] for column in range(3)], inner, 2) for row in range(3)]
    return _spread(rows, inner, 1)


def _upsample_conv2d_forward(
    x: jax.Array, kernel: jax.Array, inner: bool
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _upsample_conv2d(x, kernel, inner), (x, kernel)


def _upsample_conv2d_backward(
    inner: bool, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    matrix, matrix_vjp = jax.vjp(_product_matrix, kernel)
    products = jnp.concatenate([part for row in _gather(gradient, 1) for part in _gather(row, 2)], -1).astype(x.dtype)
    return _matmul(products, matrix, transposed=True).astype(x.dtype), *matrix_vjp(_outer(x, products))


_upsample_conv2d.defvjp(_upsample_conv2d_forward, _upsample_conv2d_backward)


@jax.custom_vjp
def _conv2d_of_many(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return _xla_conv2d(x, kernel)


def _conv2d_of_many_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _xla_conv2d(x, kernel), (x, kernel)


def _conv2d_of_many_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    # A tap pairs pixels that lie so many columns and rows apart. With each of x beside those of its neighbouring
    # columns, and each of the gradient beside those of its neighbouring rows, one matmul has all taps.
    x, kernel = saved
    size, _, channels, _ = kernel.shape
    taps = [tap - size // 2 for tap in range(size)]
    columns = jnp.concatenate([_shift(x, -tap, 2) for tap in taps], -1)
    rows = jnp.concatenate([_shift(gradient, tap, 1) for tap in taps], -1)
    kernel_gradient = _outer(columns, rows).reshape(size, channels, size, -1).transpose(2, 0, 1, 3)
    return _xla_conv2d(gradient, _transposed(kernel)), kernel_gradient


_conv2d_of_many.defvjp(_conv2d_of_many_forward, _conv2d_of_many_backward)


def _block(channels: int) -> int:
    """Pixels of a row whose windows are taken together: fewer copies of each pixel, and more products with 0."""
    return 8 if channels == 1 else 4


def _windows(x: jax.Array, size: int) -> jax.Array:
    """All that a size × size convolution sees of x from the pixels of each block of a row.

    Args:
        x: [batch, height, width, channels], width divisible by the block.
        size: side of the kernel, odd.

    Returns:
        [batch, height, width / block, size · (block + size - 1) · channels].
    """
    batch, height, width, channels = x.shape
    block, margin = _block(channels), size // 2
    x = x.reshape(batch, height, width // block, block * channels)
    before, after = x[..., -margin * channels :], x[..., : margin * channels]
    x = jnp.concatenate([_shift(before, 1, 2), x, _shift(after, -1, 2)], -1)
    x = jnp.pad(x, ((0, 0), (margin, margin), (0, 0), (0, 0)))
    return jnp.concatenate([x[:, row : row + height] for row in range(size)], -1)


def _fold(windows: jax.Array, size: int, channels: int) -> jax.Array:
    """The transpose of `_windows`: adds up what overlaps, to [batch, height, width, channels]."""
    batch, height, blocks, _ = windows.shape
    block, margin = _block(channels), size // 2
    rows = jnp.split(windows, size, -1)
    x = sum((_shift(part, row - margin, 1) for row, part in enumerate(rows)), start=jnp.zeros((), windows.dtype))
    before, x, after = jnp.split(x, [margin * channels, (margin + block) * channels], -1)
    first, middle, last = jnp.split(x, [margin * channels, (block - margin) * channels], -1)
    x = jnp.concatenate([first + _shift(after, 1, 2), middle, last + _shift(before, -1, 2)], -1)
    return x.reshape(batch, height, blocks * block, channels)


def _window_matrix(kernel: jax.Array) -> jax.Array:
    """A kernel [size, size, in, out] as the matrix that takes windows of x to blocks of pixels [block · out]."""
    block, features = _block(kernel.shape[2]), kernel.shape[3]
    shifted = [jnp.pad(kernel, ((0, 0), (pixel, block - 1 - pixel), (0, 0), (0, 0))) for pixel in range(block)]
    return jnp.stack(shifted, 3).reshape(-1, block * features)


def _blocks(x: jax.Array, block: int) -> jax.Array:
    """The pixels of each block of a row side by side: [batch, height, width / block, block · channels]."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height, width // block, block * channels)


def _transposed(kernel: jax.Array) -> jax.Array:
    """The kernel of the convolution that takes a gradient back to the input."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


@jax.custom_vjp
def _conv2d_from_few(x: jax.Array, kernel: jax.Array) -> jax.Array:
    y = _matmul(_windows(x, kernel.shape[0]), _window_matrix(kernel))
    return y.reshape(*x.shape[:3], -1)


def _conv2d_from_few_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d_from_few(x, kernel), (x, kernel)


def _conv2d_from_few_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    size, channels = kernel.shape[0], kernel.shape[2]
    matrix, matrix_vjp = jax.vjp(_window_matrix, kernel)
    gradient = _blocks(gradient.astype(x.dtype), _block(channels))
    x_gradient = _fold(_matmul(gradient, matrix, transposed=True), size, channels).astype(x.dtype)
    return x_gradient, *matrix_vjp(_outer(_windows(x, size), gradient))


_conv2d_from_few.defvjp(_conv2d_from_few_forward, _conv2d_from_few_backward)


@jax.custom_vjp
def _conv2d_to_few(x: jax.Array, kernel: jax.Array) -> jax.Array:
    size, _, _, features = kernel.shape
    matrix = _window_matrix(_transposed(kernel))
    return _fold(_matmul(_blocks(x, _block(features)), matrix, transposed=True), size, features)


def _conv2d_to_few_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv2d_to_few(x, kernel), (x, kernel)


def _conv2d_to_few_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    size, _, _, features = kernel.shape
    matrix, matrix_vjp = jax.vjp(lambda kernel: _window_matrix(_transposed(kernel)), kernel)
    windows = _windows(gradient.astype(x.dtype), size)
    x_gradient = _matmul(windows, matrix).reshape(x.shape).astype(x.dtype)
    return x_gradient, *matrix_vjp(_outer(windows, _blocks(x, _block(features))))


_conv2d_to_few.defvjp(_conv2d_to_few_forward, _conv2d_to_few_backward)


def _skip_matrices(kernel: jax.Array, channels: int) -> tuple[jax.Array, jax.Array]:
    """The matrices of x and of skip, with a column for each channel of a block; x's equal columns are added up."""
    block = _block(kernel.shape[3])
    matrix = _window_matrix(_transposed(kernel)).reshape(-1, block, kernel.shape[2])
    ours, skips = jnp.split(matrix, [channels], -1)
    return _sum_repeated(ours, block, 1).reshape(len(matrix), -1), skips.reshape(len(matrix), -1)


@jax.custom_vjp
def _skip_conv2d_to_few(x: jax.Array, skip: jax.Array, kernel: jax.Array) -> jax.Array:
    size, _, _, features = kernel.shape
    blocks = _blocks(skip, _block(features))
    matrix, skip_matrix = _skip_matrices(kernel, x.shape[-1])
    products = _matmul(x.reshape(*x.shape[:4], -1), matrix, transposed=True)
    products = _repeat(products, _block(features), 2).reshape(*blocks.shape[:3], -1)
    return _fold(products + _matmul(blocks, skip_matrix, transposed=True), size, features)


def _skip_conv2d_to_few_forward(
    x: jax.Array, skip: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
    return _skip_conv2d_to_few(x, skip, kernel), (x, skip, kernel)


def _skip_conv2d_to_few_backward(
    saved: tuple[jax.Array, jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, skip, kernel = saved
    size, _, _, features = kernel.shape
    block = _block(features)
    (matrix, skip_matrix), matrices_vjp = jax.vjp(partial(_skip_matrices, channels=x.shape[-1]), kernel)
    windows = _windows(gradient.astype(x.dtype), size)
    skip_gradient = _matmul(windows, skip_matrix).reshape(skip.shape).astype(x.dtype)
    skip_matrix_gradient = _outer(windows, _blocks(skip, block))
    batch, height, _, width = x.shape[:4]
    windows = _sum_repeated(windows.reshape(batch, height, block, width, -1), block, 2)
    x_gradient = _matmul(windows, matrix).reshape(x.shape).astype(x.dtype)
    matrix_gradient = _outer(windows, x.reshape(*x.shape[:4], -1))
    return x_gradient, skip_gradient, *matrices_vjp((matrix_gradient, skip_matrix_gradient))


_skip_conv2d_to_few.defvjp(_skip_conv2d_to_few_forward, _skip_conv2d_to_few_backward)
