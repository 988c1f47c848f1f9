"""What every source of photographs looks like from outside."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ImageSource(Protocol):
    """Random access to colour photographs.

    All that the loader asks of a source: how many photographs there are, any one of them, and whether they are still
    the same. A source draws nothing at random and keeps no position, so two readers never disturb each other;
    `source[i]` gives the same pixels whenever and in whatever order it is asked for. It may be called from several
    threads at once, and pickled for other processes.
    """

    @property
    def name(self) -> str:
        """What to call it: a few characters that can be part of a file's name."""
        ...

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

    def fingerprint(self) -> str:
        """Hexadecimal digits that are others once any photograph, or their order, may have changed."""
        ...
