"""Weights and images for the comparison of the paper's networks, made from names and a seed; see `recipe`.

As there, the weights keep away from the activations' kinks where they can. The outputs of batch norms lie three
standard deviations to one side. A layer without norm, whose inputs are of known signs, gets a kernel of such signs that
each of its channels has one sign too. Instance norms cannot be kept away (they have no bias), so networks that have
them are small, and `make_golden --report` shows what float32 alone does to their gradients.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.parity.cases import NetworkConfig
from benchmarks.parity.recipe import named_random, noise
from benchmarks.parity.run import Values

_DISTANCE_FROM_KINK = 3.0  # in standard deviations
_UP_SCALE = 0.3  # as `recipe._NORM_SCALE`


def network_values(shapes: Mapping[str, Sequence[int]], config: NetworkConfig, seed: int) -> Values:
    """Fills a network's arrays.

    Args:
        shapes: the shape of every array of parameters and running averages.
        config: the network.
        seed: each seed gives other values.

    Returns:
        float32 arrays of a well-behaved size.
    """
    return {name: _array(name, tuple(shape), config, seed).astype(np.float32) for name, shape in shapes.items()}


def pair(step: int, side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The batch of a step, see `recipe.noise`.

    Args:
        step: 0 or more.
        side: height and width.
        seed: each seed gives other values.

    Returns:
        Condition, its values all above the middle, and image: uint8 `[recipe.BATCH_SIZE, side, side, 3]` both.
    """
    condition, image = (noise(named_random(f"{name}.{step}.{seed}"), side) for name in ("condition", "image"))
    shares = (0.75 + 0.3 * condition).clip(0.51, 1.0), (0.5 + 0.8 * image).clip(0.0, 1.0)
    above, anywhere = (np.round(share * 255.0).astype(np.uint8) for share in shares)
    return above, anywhere


def _array(name: str, shape: tuple[int, ...], config: NetworkConfig, seed: int) -> np.ndarray:
    layer, leaf = name.split("/")
    random = named_random(f"{config.network}.{name}.{seed}")
    if leaf == "var":
        return random.uniform(0.5, 1.5, shape)
    normal = random.standard_normal(shape)
    if leaf == "kernel":
        return _kernel(layer, normal, config, seed)
    if not layer.endswith("_norm"):
        one_sided = layer == "conv1"
        return 0.1 * normal + (2.0 * _signs(layer, shape[0], config, seed) if one_sided else 0.0)
    scale = _UP_SCALE if layer.startswith("up") else 1.0
    if leaf == "scale":
        return scale * (1.0 + 0.1 * normal)
    offset = scale * _DISTANCE_FROM_KINK * _signs(layer, shape[0], config, seed) if leaf == "bias" else 0.0
    return 0.1 * normal + offset


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
