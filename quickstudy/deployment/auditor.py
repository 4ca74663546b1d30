"""The auditor: draws what is judged, and moves levels by what the judgements say.

It sees judgements alone: no values, no rewards, no caps. Its aim is that no level is higher
than was shown; it draws by a generator of its own, which no learner can foresee.

Who raised an alarm is trusted later and watched more closely, each time again: the odds that
evidence has to overcome are *squared*, which doubles the clean decisions that are needed, and
the share that is audited doubles. Otherwise a learner that behaves only while it is watched
could earn its way back, as cheaply, for ever.

Each level has an alarm of its own, which a lease that ran out does not silence: what was done
alone speaks on when the learner is alone again, however well it did under supervision between.
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
      levels: of each era. An era is a stay on a level, on a lease, by one policy; evidence for
        the next level comes from the present era alone.
      watch: the alarm of each level. since: the first era that it listens to.
      alarms: how often its level was taken back by evidence.
    """

    def __init__(self, terms: Terms):
        self.terms, self.levels, self.alarms = terms, [terms.first], 0
        self.evidence = Evidence(terms.tolerated)
        self.watch = {level: Alarm(terms.tolerated) for level in Level}
        self.since = dict.fromkeys(Level, 0)

    @property
    def level(self) -> Level:
        return self.levels[-1]

    @property
    def era(self) -> int:
        return len(self.levels) - 1

    @property
    def alarm(self) -> Alarm:
        """That of the present level."""
        return self.watch[self.level]

    def silence(self, level: Level) -> None:
        """What was decided on a level so far is settled; words on it that come late as well."""
        self.watch[level], self.since[level] = Alarm(self.terms.tolerated), self.era + 1

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
        record = self.records[action_class]
        return self._rng.random() < record.terms.audit_share * 2**record.alarms

    def see(self, action_class: str, is_error: bool, era: int) -> None:
        """Takes in a judgement on a decision of an era, the present one or an earlier one."""
        record = self.records[action_class]
        level = record.levels[era]
        if era == record.era:
            record.evidence.see(is_error)
        if level > Level.SHADOW and era >= record.since[level]:  # below, nothing to take back
            record.watch[level].see(is_error)

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
        if is_alarm:
            record.alarms += 1
            record.silence(record.level)
        record.levels.append(to)
        record.evidence = Evidence(record.terms.tolerated)

    def restart(self, action_class: str) -> None:
        """Another policy: what was at stake is given up, see `evidence`."""
        record = self.records[action_class]
        for level in Level:
            record.silence(level)
        record.levels.append(record.level)
        record.evidence.restart()
