"""Weights and photographs that any framework can make again from a name and a seed.

The parity tests and the golden values start from these, so that no weights need to be stored: NumPy
promises that `RandomState` gives the same numbers for ever.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np


def state_dict_values(shapes: Mapping[str, Sequence[int]], network: str, seed: int) -> dict[str, np.ndarray]:
    """Fills a network's tensors, each from its name alone.

    Args:
        shapes: PyTorch's name of every tensor (`enc1.conv.weight`) and its shape, in PyTorch's order.
        network: told apart from other networks by this.
        seed: another seed gives other values.

    Returns:
        float32 tensors of a well-behaved size (and integer zeros for `num_batches_tracked`).
    """
    values = {}
    for name, shape in shapes.items():
        random = np.random.RandomState(zlib.crc32(f"{network}.{name}.{seed}".encode()))
        values[name] = _tensor(name, tuple(shape), random)
    return values


def photographs(step: int, seed: int, batch_size: int = 4, side: int = 64) -> np.ndarray:
    """Smooth coloured noise: uint8 `[batch_size, side, side, 3]`.

    Args:
        step: another step gets another batch.
        seed: another seed gives other values.
        batch_size: number of images.
        side: height and width in pixels, a multiple of 8.
    """
    random = np.random.RandomState(zlib.crc32(f"photographs.{step}.{seed}".encode()))
    levels = np.zeros((batch_size, side, side, 3))
    for block in (8, 4, 1):
        coarse = random.uniform(-1.0, 1.0, (batch_size, side // block, side // block, 3))
        levels += coarse.repeat(block, axis=1).repeat(block, axis=2)
    return np.round((levels / 6.0 + 0.5) * 255.0).astype(np.uint8)


def _tensor(name: str, shape: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    kind = name.split(".", 1)[1]
    if kind == "norm.num_batches_tracked":
        return np.zeros(shape, np.int64)
    if kind == "norm.running_var":
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    noise = random.standard_normal(shape)
    if kind == "conv.weight":
        return (noise / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    return ((1.0 if kind == "norm.weight" else 0.0) + 0.1 * noise).astype(np.float32)
