"""What does a job today, as a person tells it: for jobs that are in no catalogue.

    ada.tell_incumbent("dispatch", [41.0, 38.5, 44.2], name="rule of thumb")

A remark in the learner's log, so that every report finds it. From the returns of some episodes
follows how well their mean is known; from the mean alone, nothing does.

Left out: an incumbent that changes while the learner works (tell it again: the latest counts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from quickstudy.errors import QuickstudyError

NOTE = "rival"  # "incumbent" is the key of what the catalogue's own earned on held-out worlds
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rival:
    """What an incumbent earns in an episode, in the job's units.

    returns: of some episodes, at least one; one alone counts as its mean.
    """

    name: str
    returns: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where its mean lies, with 95 % confidence (Student's t); None where not known."""
        n = len(self.returns)
        if n < 2:
            return None
        error = float(np.std(self.returns, ddof=1)) / math.sqrt(n)
        half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
        return self.mean - half, self.mean + half


def to_note(name: str, returns: Sequence[float]) -> dict[str, Any]:
    """For the log.

    Raises:
      QuickstudyError: no return at all.
    """
    if not returns:
        raise QuickstudyError(
            f"Came no return of the incumbent '{name}'; expected its mean return, or the "
            "return of each of some episodes."
        )
    return {NOTE: {"name": name, "returns": list(returns)}}


def of_note(note: dict[str, Any]) -> Rival:
    """From the log."""
    return Rival(note[NOTE]["name"], tuple(note[NOTE]["returns"]))
