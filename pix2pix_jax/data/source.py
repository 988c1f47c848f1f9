"""What every source of photographs looks like from outside."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ImageSource(Protocol):
    """Random access to colour photographs.

    All that the loader asks of a source: how many photographs there are, and any one of them. A
    source draws nothing at random and keeps no position, so two readers never disturb each other;
    `source[i]` gives the same pixels whenever and in whatever order it is asked for, and may be
    called from several threads at once.
    """

    def __len__(self) -> int:
        """Number of photographs."""
        ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One photograph.

        Args:
            index: 0 to `len(self) - 1`.

        Returns:
            RGB in [0, 255], uint8 [H, W, 3]. H and W may differ from one photograph to the next.

        Raises:
            IndexError: if there is no photograph `index`.
        """
        ...
