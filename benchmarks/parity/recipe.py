"""Weights and photographs that any framework can make again from names and a seed.

The parity tests and the golden values start from these, so no weights need to be stored: NumPy promises that
`RandomState` always gives the same numbers.

Two float32 programs agree on a gradient only if every value lies on the same side of its activation's kink in both. In
networks and batches this small, one value that rounds to the other side changes a gradient by up to a percent. Over
ten steps of Adam the difference grows, until the losses differ by a percent too. With ordinary weights this happens
even between PyTorch in float32 and PyTorch in float64. So these weights stay away from the kinks, and what is left to
compare is the programs: the outputs of every batch norm lie three standard deviations to one side of the kink (about
one value in a thousand lies on the other side).
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

SEED = 0
BATCH_SIZE = 2
SIDE = 64
STEPS = 10

_DISTANCE_FROM_KINK = 3.0  # in standard deviations
# No norm follows the generator's last layer, so nothing removes the mean of its inputs. If that mean were 3, one step
# of Adam, which changes every weight by the same amount, would move the output from one end of tanh towards the other.
_NORM_SCALE = {"generator": 0.1, "discriminator": 1.0}


def state_dict_values(shapes: Mapping[str, Sequence[int]], network: str, seed: int) -> dict[str, np.ndarray]:
    """Fills a network's tensors, each from its name alone.

    Args:
        shapes: the shape of every tensor by PyTorch's name (`enc1.conv.weight`), kernels OIHW.
        network: "generator" or "discriminator".
        seed: each seed gives other values.

    Returns:
        float32 tensors of a well-behaved size (and integer zeros for `num_batches_tracked`).
    """
    values = {}
    for name, shape in shapes.items():
        random = named_random(f"{network}.{name}.{seed}")
        values[name] = _tensor(name, tuple(shape), random)
        if name.endswith("norm.bias"):
            # ReLU passes nothing on from below its kink, LeakyReLU does.
            above = values[name] > 0 if network == "discriminator" else True
            values[name] += np.where(above, _DISTANCE_FROM_KINK, -_DISTANCE_FROM_KINK)
        if name.endswith(("norm.weight", "norm.bias")):
            values[name] *= _NORM_SCALE[network]
    return values


def photographs(step: int, seed: int) -> np.ndarray:
    """The batch of a step, see `noise`.

    Args:
        step: 0 or more.
        seed: each seed gives other values.

    Returns:
        uint8 `[BATCH_SIZE, SIDE, SIDE, 3]`.
    """
    levels = noise(named_random(f"photographs.{step}.{seed}"), SIDE)
    return np.round((0.5 + 0.8 * levels).clip(0.0, 1.0) * 255.0).astype(np.uint8)


def named_random(name: str) -> np.random.RandomState:
    """Random numbers that follow from a name."""
    return np.random.RandomState(zlib.crc32(name.encode()))


def noise(random: np.random.RandomState, side: int) -> np.ndarray:
    """Coloured noise with detail of every size, as photographs have it: `[BATCH_SIZE, side, side, 3]` in [-1, 1]."""
    blocks = [block for block in (32, 16, 8, 4, 1) if block <= side]
    levels = np.zeros((BATCH_SIZE, side, side, 3))
    for block in blocks:
        coarse = random.uniform(-1.0, 1.0, (BATCH_SIZE, side // block, side // block, 3))
        levels += coarse.repeat(block, axis=1).repeat(block, axis=2) / len(blocks)
    return levels


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
