"""When a learner became net-positive: what it made above the incumbent, less learning costs.

    Sₖ = Σᵢ₌₁ᵏ (Rᵢ − m)

R are the returns of the episodes that it worked itself, exploring included, and m is what the
incumbent earns on average. While it learns the sum sinks; the deepest point is the cost of
learning. It is net-positive from the first episode on after which the sum is never below zero
again: so far, for tomorrow may be worse.

The interval is over m, of which k times the error is in Sₖ. That R had luck is no error here:
what was earned was earned.

Left out: episodes that were cut (a part of an episode cannot be held against a whole one),
costs of study and machines, discounting of what was earned early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quickstudy.types import Array


@dataclass(frozen=True)
class Balance:
    """The sum as it stands, in the job's units.

    episodes: that count. total: Sₖ now. interval: of it, 95 % over the incumbent's mean; None
    where nothing is known of that mean but itself.
    cost: how deep the sum once was, as a positive number; 0 where it never was below zero.
    since: decisions after which it was never below zero again; None where it is now.
    since_low, since_high: the same, were the incumbent as weak or as strong as its interval
    allows; None where it would be below zero now, or nothing is known.
    """

    episodes: int
    total: float
    interval: tuple[float, float] | None
    cost: float
    since: int | None
    since_low: int | None
    since_high: int | None

    @property
    def is_positive(self) -> bool:
        """Whether more was produced than learning cost, as far as the incumbent is known."""
        return self.since is not None

    @property
    def is_sure(self) -> bool:
        """Whether that holds wherever in its interval the incumbent's mean lies."""
        return self.interval is not None and self.interval[0] > 0


def balance(
    returns: Sequence[float],
    ends: Sequence[int],
    incumbent: float,
    interval: tuple[float, float] | None = None,
) -> Balance | None:
    """What a learner's own episodes came to; None where there are none.

    Args:
      returns: of each episode [E]. ends: decisions taken when each was over [E].
      incumbent: its mean return. interval: where that lies.
    """
    if not len(returns):
        return None
    low, high = interval or (None, None)
    sums = _sums(returns, incumbent)
    return Balance(
        episodes=len(sums),
        total=float(sums[-1]),
        interval=None
        if low is None or high is None
        else (float(_sums(returns, high)[-1]), float(_sums(returns, low)[-1])),
        cost=max(-float(sums.min()), 0.0),
        since=_since(sums, ends),
        since_low=None if low is None else _since(_sums(returns, low), ends),
        since_high=None if high is None else _since(_sums(returns, high), ends),
    )


def _sums(returns: Sequence[float], incumbent: float) -> Array:
    return np.cumsum(np.asarray(returns, float) - incumbent)


def _since(sums: Array, ends: Sequence[int]) -> int | None:
    """Decisions at the first episode after which the sum is never below zero again."""
    below = np.flatnonzero(sums < 0)
    first = int(below[-1]) + 1 if len(below) else 0
    return int(ends[first]) if first < len(sums) else None
