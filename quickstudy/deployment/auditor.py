"""The auditor: draws what is judged, and moves levels by what the judgements say.

It sees judgements alone: no values, no rewards, no caps. Its aim is that no level is higher
than was shown; it draws by a generator of its own, which no learner can foresee.

An alarm *squares* the odds that evidence has to overcome the next time (and the time after
that again), which doubles the clean decisions that are needed. Otherwise a learner that only
behaves while it is watched could earn its way back, as cheaply, for ever.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from quickstudy.deployment.autonomy import Level, Terms
from quickstudy.deployment.evidence import Alarm, Evidence


class Record:
    """What was shown of one class of actions.

    Attributes:
      era: number of the stay: on a level, on a lease, by one policy. Judgements on decisions
        of an earlier era say nothing on this one.
      alarms: how often its level was taken back by evidence.
    """

    def __init__(self, terms: Terms):
        self.terms, self.level = terms, terms.first
        self.era = self.alarms = 0
        self.evidence, self.alarm = Evidence(terms.tolerated), Alarm(terms.tolerated)

    @property
    def log_bar(self) -> float:
        """Logarithm of the wealth that widens: 1/α, squared by each alarm."""
        return float(-math.log(self.terms.alpha) * 2**self.alarms)

    @property
    def is_shown(self) -> bool:
        """Whether the evidence reaches the bar."""
        return self.evidence.log_wealth >= self.log_bar

    @property
    def needed(self) -> int | None:
        """Clean decisions to the next level, or to a renewal of autonomy; None: neither is."""
        is_last = self.level is Level.SUPERVISED and self.terms.is_irreversible
        return None if is_last else self.evidence.needed(self.log_bar)


class Auditor:
    """The records of one post's classes of actions.

    Args:
      rng: draws the audits; by default the system's own randomness.
    """

    def __init__(self, terms: Mapping[str, Terms], rng: random.Random | None = None):
        self.records = {name: Record(of) for name, of in terms.items()}
        self._rng = rng or random.SystemRandom()

    def level(self, action_class: str) -> Level:
        return self.records[action_class].level

    def draws(self, action_class: str) -> bool:
        """Whether this decision has to be judged, by chance alone."""
        return self._rng.random() < self.records[action_class].terms.audit_share

    def see(self, action_class: str, is_error: bool, era: int) -> None:
        """Takes in a judgement; one on an earlier era is no evidence."""
        record = self.records[action_class]
        if era == record.era:
            record.evidence.see(is_error)
            if record.level > Level.SHADOW:  # below it there is nothing to take back
                record.alarm.see(is_error)

    def due(self, action_class: str) -> Level | None:
        """The level that the evidence asks for, where it is another one."""
        record = self.records[action_class]
        if record.level > Level.SHADOW and record.alarm.level >= record.terms.alarm:
            return Level(record.level - 1)
        if record.level < record.terms.ceiling and record.is_shown:
            return Level(record.level + 1)
        return None

    def move(self, action_class: str, to: Level, is_alarm: bool) -> None:
        """Begins a stay on a level, without evidence."""
        record = self.records[action_class]
        record.level, record.era = to, record.era + 1
        record.alarms += is_alarm
        record.evidence = Evidence(record.terms.tolerated)
        record.alarm = Alarm(record.terms.tolerated)

    def restart(self, action_class: str) -> None:
        """Another policy: what was at stake is given up, see `evidence`."""
        record = self.records[action_class]
        record.era += 1
        record.evidence.restart()
        record.alarm = Alarm(record.terms.tolerated)
