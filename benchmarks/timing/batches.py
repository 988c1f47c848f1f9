"""The batches that both sides are timed on."""

import numpy as np


def random_batches(batch_size: int, image_size: int, channels: int = 3) -> list[np.ndarray]:
    """Two batches of noise, uint8 [batch_size, image_size, image_size, channels], the same in every process."""
    random = np.random.RandomState(0)
    return [random.randint(0, 256, (batch_size, image_size, image_size, channels), np.uint8) for _ in range(2)]
