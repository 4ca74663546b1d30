"""What is closed at the end of a `with`, however that ends."""

from __future__ import annotations

from typing import Self


class Closing:
    """Base of what has a `close`: it may be used in a `with` statement."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *told: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives back what it holds; a second time does nothing."""
        raise NotImplementedError
