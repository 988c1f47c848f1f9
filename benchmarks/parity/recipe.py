"""Weights and images that any framework can make again from names and a seed.

The parity tests and the golden values start from these, so no weights need to be stored: NumPy promises that
`RandomState` always gives the same numbers.

Two float32 programs agree on a gradient only if every value lies on the same side of its activation's kink in both. In
networks and batches this small, one value that rounds to the other side changes a gradient by up to a percent. Over
ten steps of Adam the difference grows, until the losses differ by a percent too. With ordinary weights this happens
even between PyTorch in float32 and PyTorch in float64. So these weights keep away from the kinks where they can. The
outputs of batch norms lie three standard deviations to one side (about one value in a thousand lies on the other). A
layer without norm, whose inputs are of known signs, gets a kernel of such signs that each of its channels has one sign
too. Instance norms cannot be kept away (they have no bias), so networks that have them are small, and
`make_golden --report` shows what float32 alone does to their gradients.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.parity.cases import NetworkConfig
from benchmarks.parity.run import Values

SEED = 0
BATCH_SIZE = 2
SIDE = 64
STEPS = 10

_DISTANCE_FROM_KINK = 3.0  # in standard deviations
# Of norms, by the beginning of their names. No norm follows a generator's last layer, so nothing removes the mean of
# its inputs. If that mean were 3, one step of Adam, which changes every weight by the same amount, would move the
# output from one end of tanh towards the other.
_NORM_SCALES = {"enc": 0.1, "dec": 0.1, "up": 0.3}


def network_values(shapes: Mapping[str, Sequence[int]], config: NetworkConfig, seed: int) -> Values:
    """Fills a network's arrays.

    Args:
        shapes: the shape of every array of parameters and running averages, by Flax's name: `enc1/conv/kernel`.
        config: the network.
        seed: each seed gives other values.

    Returns:
        float32 arrays of a well-behaved size.
    """
    return {name: _array(name, tuple(shape), config, seed).astype(np.float32) for name, shape in shapes.items()}


def photographs(step: int, seed: int) -> np.ndarray:
    """The batch of a step, see `noise`: uint8 `[BATCH_SIZE, SIDE, SIDE, 3]`; each seed gives another."""
    return _pixels(0.5 + 0.8 * noise(named_random(f"photographs.{step}.{seed}"), SIDE))


def pair(step: int, side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of pairs: condition, its values all above the middle, and image, uint8 `[BATCH_SIZE, side, side, 3]`."""
    condition, image = (noise(named_random(f"{name}.{step}.{seed}"), side) for name in ("condition", "image"))
    return _pixels((0.75 + 0.3 * condition).clip(min=0.51)), _pixels(0.5 + 0.8 * image)


def _pixels(shares: np.ndarray) -> np.ndarray:
    return np.round(shares.clip(0.0, 1.0) * 255.0).astype(np.uint8)


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


def _array(name: str, shape: tuple[int, ...], config: NetworkConfig, seed: int) -> np.ndarray:
    # The reference's layers are blocks: enc1/norm/bias is of enc1_norm, as the paper's call theirs.
    layer, leaf = name.replace("/norm/", "_norm/").replace("/conv/", "/").split("/")
    random = named_random(f"{config.network}.{name}.{seed}")
    if leaf == "var":
        return random.uniform(0.5, 1.5, shape)
    normal = random.standard_normal(shape)
    if leaf == "kernel":
        return _kernel(layer, normal, config, seed)
    if leaf == "mean":
        return 0.1 * normal
    if not layer.endswith("_norm"):
        one_sided = layer == "conv1" and config.network != "reference"  # where no norm follows it
        return 0.1 * normal + (2.0 * _signs(layer, shape[0], config, seed) if one_sided else 0.0)
    scale = next((scale for start, scale in _NORM_SCALES.items() if layer.startswith(start)), 1.0)
    middle = 1.0 if leaf == "scale" else _DISTANCE_FROM_KINK * _signs(layer, shape[0], config, seed)
    return scale * (middle + 0.1 * normal)


def _kernel(layer: str, normal: np.ndarray, config: NetworkConfig, seed: int) -> np.ndarray:
    """A kernel whose outputs are about as large as its inputs."""
    size, _, inputs, outputs = normal.shape
    # A transposed kernel is [size, size, out, in], and each output meets every other row and column of it.
    fan_in = size**2 * outputs / 4 if layer.startswith("up") else size**2 * inputs
    innermost = layer == f"down{_depth(config)}"
    if config.network == "unet" and config.norm == "batch" and (layer == "down1" or innermost):
        signs_in = _signs(f"down{_depth(config) - 1}_norm", inputs, config, seed) if innermost else np.ones(inputs)
        signs_out = _signs(layer, outputs, config, seed)
        return np.abs(normal) * signs_in[:, None] * signs_out / fan_in
    return normal / np.sqrt(fan_in) * (0.3 if layer == "last" else 1.0)


def _signs(layer: str, channels: int, config: NetworkConfig, seed: int) -> np.ndarray:
    """The side of the kink on which a layer's output channels lie, 1 or -1.

    ReLU passes nothing on from below its kink, so only what LeakyReLU sees first has both.
    """
    leaky = layer.startswith("down") and layer.removesuffix("_norm") != f"down{_depth(config)}"
    if config.network == "resnet" or not (leaky or layer.startswith("conv")):
        return np.ones(channels)
    return named_random(f"{config.network}.{layer.removesuffix('_norm')}.signs.{seed}").choice([-1.0, 1.0], channels)


def _depth(config: NetworkConfig) -> int:
    """How many times a U-Net halves the image."""
    return getattr(config, "depth", 0)
