"""Weights of encoders that nobody trained."""

import numpy as np

from pix2pix_jax.networks.config import Variant
from pix2pix_jax.networks.efficientnet.encoder import stages


def efficientnet_state_dict(variant: Variant) -> dict[str, np.ndarray]:
    """Weights like trained ones, by PyTorch's names: what every network of this kind can be compared with."""
    random = np.random.RandomState(0)

    def conv(size: int, channels_in: int, channels_out: int) -> np.ndarray:
        return random.normal(0, (2 / (size**2 * channels_in)) ** 0.5, (channels_out, channels_in, size, size))

    def norm(name: str, channels: int) -> dict[str, np.ndarray]:
        return {
            f"{name}.weight": random.uniform(0.8, 1.2, channels),
            f"{name}.bias": random.normal(0, 0.1, channels),
            f"{name}.running_mean": random.normal(0, 0.1, channels),
            f"{name}.running_var": random.uniform(0.5, 1.5, channels),
        }

    weights = {"_conv_stem.weight": conv(3, 3, 32), **norm("_bn0", 32)}
    channels, number = 32, 0
    for stage in stages(variant):
        for _ in range(stage.repeats):
            prefix, wide = f"_blocks.{number}.", channels * stage.expansion
            if stage.expansion > 1:
                weights |= {f"{prefix}_expand_conv.weight": conv(1, channels, wide), **norm(f"{prefix}_bn0", wide)}
            weights |= {f"{prefix}_depthwise_conv.weight": conv(stage.kernel, 1, wide), **norm(f"{prefix}_bn1", wide)}
            weights |= {f"{prefix}_project_conv.weight": conv(1, wide, stage.channels)}
            weights |= norm(f"{prefix}_bn2", stage.channels)
            channels, number = stage.channels, number + 1
    return {name: array.astype(np.float32) for name, array in weights.items()}
