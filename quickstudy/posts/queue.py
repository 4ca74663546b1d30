"""In what order judgements count: that in which the decisions were drawn.

The gate's bets hold only where the order of judgements does not hang on what they say (see
`deployment.evidence`). If right decisions were judged at once and mistakes only later, the
first hundred would always look clean. So who was drawn stands in line, and a judgement counts
when all before it have theirs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple


class Judgement(NamedTuple):
    """Whether decision `id` was a mistake, by `why`; of the era in which the gate drew it."""

    id: int
    is_error: bool
    why: str
    era: int


@dataclass
class Queue:
    """Decisions of one class of actions in the order in which they were drawn.

    line: id → era, for those without a judgement yet, or the judgement that waits for others.
    """

    line: OrderedDict[int, int | Judgement] = field(default_factory=OrderedDict)

    def join(self, id: int, era: int) -> None:
        """A decision is to be judged."""
        self.line[id] = era

    def waits_for(self, id: int) -> bool:
        """Whether it has no judgement yet."""
        return isinstance(self.line.get(id), int)

    def judge(self, id: int, is_error: bool, why: str) -> list[Judgement]:
        """It was a mistake or not; gives what counts now, in order."""
        era = self.line[id]
        assert isinstance(era, int)
        self.line[id] = Judgement(id, is_error, why, era)
        return self._ready()

    def leave(self, id: int) -> list[Judgement]:
        """Nobody will judge it; gives what counts now."""
        if self.waits_for(id):
            del self.line[id]
        return self._ready()

    def _ready(self) -> list[Judgement]:
        ready = []
        while self.line:
            first = next(iter(self.line.values()))
            if isinstance(first, int):
                break
            ready.append(first)
            self.line.popitem(last=False)
        return ready
