"""Caps: how much may be done in a minute, an hour, a day, and what is left of it.

Windows slide: at no moment has more than a cap been taken in the window's length before it.
Sums are exact, of amounts as they are written: ten times 0.1 is 1, and a million small amounts
add up to what they are.

Time is the latest that was ever told. A clock that goes back stands still here; one that ran
ahead stands still until real time has caught up, and nothing is freed meanwhile: that
refuses too much rather than too little.

Left out: token buckets, which let twice the cap pass within one window.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache

from quickstudy.deployment.autonomy import Proposal
from quickstudy.errors import QuickstudyError

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
Exact = int | Fraction


@dataclass(frozen=True)
class Caps:
    """The most of one class of actions; None: no cap.

    Attributes:
      per_minute, per_hour, per_day: actions in any 60 s, 3,600 s, 86,400 s.
      cost_per_hour, cost_per_day, effect_per_day: sums of what the proposals declare.
      effect_per_decision: of one action.

    Raises:
      QuickstudyError: a cap below 0, or not a number.
    """

    per_minute: float | None = None
    per_hour: float | None = None
    per_day: float | None = None
    cost_per_hour: float | None = None
    cost_per_day: float | None = None
    effect_per_decision: float | None = None
    effect_per_day: float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            cap = getattr(self, name)
            if cap is not None and not 0 <= cap < math.inf:
                raise QuickstudyError(
                    f"The cap {name}={cap} was given, and must be 0 or more; mend it, or "
                    "leave it out for no cap."
                )


# cap → (window [s], which amount of an action counts)
WINDOWS = {
    "per_minute": (MINUTE, "count"),
    "per_hour": (HOUR, "count"),
    "per_day": (DAY, "count"),
    "cost_per_hour": (HOUR, "cost"),
    "cost_per_day": (DAY, "cost"),
    "effect_per_day": (DAY, "effect"),
}


class Clock:
    """The latest time that was told; it never runs backwards."""

    def __init__(self) -> None:
        self.now = -math.inf

    def seen(self, now: float) -> float:
        """Takes in what a clock shows [unix s], gives the time.

        Raises:
          ValueError: not a finite number.
        """
        if not math.isfinite(now):
            raise ValueError(f"a clock showed {now}")
        self.now = max(self.now, now)
        return self.now


class _Window:
    """What was taken in the last so many seconds, of one amount."""

    def __init__(self, seconds: float, most: Exact):
        self._seconds, self.most = seconds, most
        self._taken: deque[tuple[float, Exact]] = deque()
        self._sum: Exact = 0

    def left(self, now: float) -> Exact:
        # ">": a difference that was rounded up to the window's length frees nothing too soon
        while self._taken and now - self._taken[0][0] > self._seconds:
            self._sum -= self._taken.popleft()[1]
        return self.most - self._sum

    def take(self, amount: Exact, now: float) -> None:
        if amount:
            self._taken.append((now, amount))
            self._sum += amount


class Budget:
    """What is left of the caps of one class of actions."""

    def __init__(self, caps: Caps):
        self.caps = caps
        self._clock = Clock()
        self._windows = {
            name: _Window(seconds, math.floor(most) if amount == "count" else _exact(most))
            for name, (seconds, amount) in WINDOWS.items()
            if (most := getattr(caps, name)) is not None
        }

    def short(self, proposal: Proposal, now: float) -> list[str]:
        """Why this cannot be taken now, a sentence each; nothing is taken."""
        now, amounts, said = self._clock.seen(now), _amounts(proposal), []
        most = self.caps.effect_per_decision
        if most is not None and proposal.effect > most:
            said.append(
                f"An effect of {proposal.effect:g} is above the cap of {most:g} a decision."
            )
        for name, window in self._windows.items():
            left, amount = window.left(now), amounts[WINDOWS[name][1]]
            if amount > left:
                said.append(
                    f"The cap {name}={getattr(self.caps, name):g} has {_left(left):g} left; "
                    f"{float(amount):g} was asked for."
                )
        return said

    def take(self, proposal: Proposal, now: float) -> list[str]:
        """Takes all of it, or nothing and says why, a sentence each."""
        said = self.short(proposal, now)
        if not said:
            self.recall(proposal, now)
        return said

    def recall(self, proposal: Proposal, at: float) -> None:
        """Counts what was done, without asking: after a restart, from the log in its order."""
        at, amounts = self._clock.seen(at), _amounts(proposal)
        for name, window in self._windows.items():
            window.left(at)
            window.take(amounts[WINDOWS[name][1]], at)

    @property
    def most(self) -> dict[str, float]:
        """Cap → how much it is: of counts, whole ones."""
        found = {name: float(window.most) for name, window in self._windows.items()}
        each = self.caps.effect_per_decision
        return found if each is None else found | {"effect_per_decision": float(each)}

    def left(self, now: float) -> dict[str, float]:
        """Cap → what is left of it now."""
        now = self._clock.seen(now)
        return {name: _left(window.left(now)) for name, window in self._windows.items()}


def _left(amount: Exact) -> float:
    return max(0.0, float(amount))


@lru_cache(maxsize=1_024)  # reading a number costs more than adding it
def _exact(amount: float) -> Exact:
    return Fraction(repr(float(amount))) if amount else 0


def _amounts(proposal: Proposal) -> dict[str, Exact]:
    return {"count": 1, "cost": _exact(proposal.cost), "effect": _exact(proposal.effect)}
