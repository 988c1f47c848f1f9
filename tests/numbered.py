"""A source whose photographs can be told apart, and their pixels from each other."""

import numpy as np


class Numbered:
    """Photograph i: red is i throughout, green the row, blue the column; sizes differ where asked."""

    name = "numbered"

    def __init__(self, count: int, height: int = 10, width: int = 12, mixed: bool = False) -> None:
        self.count, self.height, self.width, self.mixed = count, height, width, mixed
        self.version = "1"
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> np.ndarray:
        self.asked.append(index)
        height = self.height + (index % 3 if self.mixed else 0)
        width = self.width + (index % 5 if self.mixed else 0)
        photo = np.full((height, width, 3), index % 256, np.uint8)
        photo[..., 1] = np.arange(height)[:, None]
        photo[..., 2] = np.arange(width)
        return photo

    def fingerprint(self) -> str:
        return f"{self.count}-{self.version}"
