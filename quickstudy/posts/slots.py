"""Names of streams, used again and again.

The log keeps every name of a stream for ever, so a caller's ids of episodes must not become
such names; episodes that run side by side take the lowest name that is free.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass
class Slots:
    """Names "1", "2", …; as many as there ever were episodes at the same time.

    made: names that exist. free: a heap of those that nobody has.
    """

    made: int = 0
    free: list[int] = field(default_factory=list)

    def lowest(self) -> str:
        """The lowest name that nobody has."""
        return str(self.free[0] if self.free else self.made + 1)

    def claim(self, name: str) -> None:
        """Somebody has it now."""
        number = int(name)
        if self.free and self.free[0] == number:
            heapq.heappop(self.free)
        elif number in self.free:  # not the lowest: events before it were lost
            self.free.remove(number)
            heapq.heapify(self.free)
        for skipped in range(self.made + 1, number):
            heapq.heappush(self.free, skipped)
        self.made = max(self.made, number)

    def give_back(self, name: str) -> None:
        """Nobody has it any more."""
        heapq.heappush(self.free, int(name))
