"""Closing what was opened."""

from types import TracebackType
from typing import Self


class Closing:
    """Makes a class with a `close` method a context manager."""

    def close(self) -> None:
        """Ends what the object has at work, and gives back what it holds open."""
        raise TypeError(f"{type(self).__name__} must say how it is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
