"""The words of the gate: levels, terms, what is proposed and how it is ruled.

Left out: levels that a person invents. Three are enough to say who acts: nobody (shadow),
a person (supervised), the learner within caps (autonomous).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from quickstudy.errors import QuickstudyError


class Level(IntEnum):
    """Who acts.

    SHADOW: the incumbent or the fallback; the learner is only compared with it.
    SUPERVISED: the learner, after a person has said yes.
    AUTONOMOUS: the learner by itself, within caps, until its lease is over.
    """

    SHADOW = 0
    SUPERVISED = 1
    AUTONOMOUS = 2


class Verdict(StrEnum):
    """ALLOW: act. ASK: a person first. REFUSE: no. SHADOW: note it, let another one act."""

    ALLOW = "allow"
    ASK = "ask"
    REFUSE = "refuse"
    SHADOW = "shadow"


@dataclass(frozen=True)
class Terms:
    """On which terms the learner may do one class of actions.

    Attributes:
      tolerated: error rate in (0, 1) that a level is widened below.
      alpha: in (0, 1), the most often that a stay on a level may end with a promotion
        although the rate was never below `tolerated` while it lasted.
      alarm: judged decisions, on average at least so many between false alarms while the
        rate is `tolerated` or lower; fewer notice a jump sooner.
      audit_share: in (0, 1], of what nobody approves, drawn at random to be judged; doubled
        by each alarm.
      is_irreversible: such actions never become autonomous.
      lease_seconds: how long autonomy lasts before it must have been earned again.
      first: level to begin on.

    Raises:
      QuickstudyError: a number out of range.
    """

    tolerated: float = 0.05
    alpha: float = 0.05
    alarm: float = 1_000.0
    audit_share: float = 0.1
    is_irreversible: bool = False
    lease_seconds: float = 7 * 86_400.0
    first: Level = Level.SHADOW

    def __post_init__(self) -> None:
        ranges = {
            "tolerated": 0 < self.tolerated < 1,
            "alpha": 0 < self.alpha < 1,
            "audit_share": 0 < self.audit_share <= 1,
            "alarm": 1 < self.alarm < math.inf,
            "lease_seconds": 0 < self.lease_seconds < math.inf,
        }
        said = {"alarm": "above 1", "lease_seconds": "above 0", "audit_share": "in (0, 1]"}
        for name, is_fine in ranges.items():
            if not is_fine:
                raise QuickstudyError(
                    f"{name}={getattr(self, name)} was given, and must be finite and "
                    f"{said.get(name, 'between 0 and 1')}; mend the terms."
                )
        if self.first > self.ceiling:
            raise QuickstudyError(
                "An irreversible class was to begin autonomous, and never is; begin it "
                "supervised or in shadow."
            )

    @property
    def ceiling(self) -> Level:
        """The highest level of such actions."""
        return Level.SUPERVISED if self.is_irreversible else Level.AUTONOMOUS


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants to do. Cost and effect are in the caller's units.

    Raises:
      QuickstudyError: one of them is negative, which would fill a budget up again, or none.
    """

    action_class: str
    cost: float = 0.0
    effect: float = 0.0

    def __post_init__(self) -> None:
        for name, amount in (("cost", self.cost), ("effect", self.effect)):
            if not 0 <= amount < math.inf:
                raise QuickstudyError(
                    f"A proposal came with {name}={amount}; give a number that is 0 or more."
                )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the gate says to it.

    Attributes:
      reasons: a sentence each; none for what is allowed.
      is_audited: drawn at random: somebody must judge it, whatever it looks like.
      era: to be given back with the judgement (`Gate.judged`).
      at: the gate's time [unix s], which never runs backwards; for `Gate.recall`.
      acts: what this changed in the gate (a lease that ran out), to be logged.
    """

    verdict: Verdict
    level: Level
    action_class: str
    reasons: tuple[str, ...] = ()
    is_audited: bool = False
    era: int = 0
    at: float = 0.0
    acts: tuple[dict[str, Any], ...] = ()
