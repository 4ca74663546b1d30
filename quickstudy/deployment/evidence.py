"""Two bets on error rates: one that widens a level, one that takes it back.

Both watch decisions that were *judged*: right (0) or an error (1), q the tolerated rate. What
was judged must not have been the learner's choice: everything a person approved or rejected,
or what was drawn at random. The order of judgements must not hang on what they say, either:
if right ones came at once and errors only later, the first hundred would always look clean.

**Widening** (:class:`Evidence`). The doubt is: *whatever has happened so far, the next
judged decision is an error with probability q or more.* Against it money is bet at fair odds.
One coin staked on "the rate is p < q" is multiplied by

    (1 − p)/(1 − q)  after a right decision,   p/q  after an error,

which under the doubt has a mean of at most 1, whatever came before. So wealth is a nonnegative
supermartingale from 1, and by Ville's inequality P(wealth ever reaches 1/α) ≤ α: one may look
after every decision, stop whenever one likes, and α still holds. Nothing is assumed of the
rate but the doubt: it may move while the learner learns. That is why evidence is kept through
learning: the claim is about the row of decisions as it came, by whatever minds took them, and
not about one frozen mind. What wealth shows is that the rate *was* below q on the way; whether
it still is, the alarm watches.

We do not know p, so equal coins are staked on a few; and we do not know *when* a learner
became good, so after 0, 1/q, 2/q, 4/q, … decisions 1/2, 1/6, 1/12, … of the first money begins
anew, the rest waits. A mixture of such bets is one again, and a bad youth is not held against
a learner for ever. A restart (a rollback, another mind pinned, a declared change) gives up what
is at stake and bets from what had waited: all restarts together share one α, so restarting
again and again wins nothing.

**Taking back** (:class:`Alarm`). A coin is staked on "from now on the rate is p > q" *before
each* decision, each multiplied as above. The sum less the number of coins is a supermartingale
while the rate is q or lower, so it takes at least c decisions on average to reach c: c is the
least average run between false alarms.

Whose ideas: Ville (1939); testing by betting, Waudby-Smith & Ramdas (2024), "Estimating means
of bounded random variables by betting"; e-detectors, Shin, Ramdas & Rinaldo (2024), with the
sum of Shiryaev and Roberts. Left out: bets that move with what was seen. Mixtures of fixed
ones need nothing but counts, and how many clean decisions are still needed is then exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

LOWER = (0.0, 1 / 3, 2 / 3)  # alternatives of the widening bet, as shares of q
HIGHER = (0.75, 0.5, 0.25)  # those of the alarm: q to these powers, between q and 1


class Evidence:
    """Wealth of a bet against "the error rate is `tolerated` or more", from 1.

    Attributes:
      judged, errors: since the last restart.
    """

    def __init__(self, tolerated: float):
        self._tolerated = tolerated
        self._log_share = 0.0
        self._begin()

    def _begin(self) -> None:
        self.judged = self.errors = 0
        self._errors_at = [0]  # errors so far, when each part of the money came to be bet

    def see(self, is_error: bool) -> None:
        """Takes in a judged decision."""
        self.judged += 1
        self.errors += is_error
        if self.judged == self._start(len(self._errors_at)):
            self._errors_at.append(self.errors)

    def restart(self) -> None:
        """Gives up what is at stake; goes on with what has waited."""
        self._log_share -= math.log(len(self._errors_at) + 1)
        self._begin()

    @property
    def log_wealth(self) -> float:
        """Natural logarithm of the wealth."""
        return self._log_wealth(0)

    def needed(self, log_bar: float) -> int:
        """Clean decisions until the wealth reaches exp(log_bar), if none errs."""
        if self._log_wealth(0) >= log_bar:
            return 0
        low, high = 0, 1
        while self._log_wealth(high) < log_bar:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if self._log_wealth(middle) < log_bar:
                low = middle
            else:
                high = middle
        return high

    def _start(self, part: int) -> int:
        """Judged decisions before a part of the money is bet: 0, 1/q, 2/q, 4/q, …"""
        return 0 if part == 0 else math.ceil(1 / self._tolerated) * 2 ** (part - 1)

    def _log_wealth(self, clean: int) -> float:
        """The same after so many clean decisions more."""
        judged, errors_at = self.judged + clean, list(self._errors_at)
        while self._start(len(errors_at)) <= judged:
            errors_at.append(self.errors)
        parts = [-math.log(len(errors_at) + 1)]  # what waits
        for part, before in enumerate(errors_at):
            seen, errors = judged - self._start(part), self.errors - before
            stake = -math.log((part + 1) * (part + 2))
            parts += [stake + won for won in self._won(seen - errors, errors)]
        return self._log_share + _log_sum(parts)

    def _won(self, right: int, errors: int) -> list[float]:
        """What each alternative has made of its part of one coin (logarithms)."""
        q, won = self._tolerated, []
        for share in LOWER:
            if share or not errors:  # a coin on "never" is lost with the first error
                lost = errors * math.log(share) if errors else 0.0
                gain = right * math.log((1 - share * q) / (1 - q))
                won.append(gain + lost - math.log(len(LOWER)))
        return won


class Alarm:
    """Sum of bets on "from here on the error rate is above `tolerated`"."""

    def __init__(self, tolerated: float):
        q = tolerated
        self._odds = [((1 - q**power) / (1 - q), q**power / q) for power in HIGHER]
        self._sums = [0.0] * len(HIGHER)

    def see(self, is_error: bool) -> None:
        """Takes in a judged decision."""
        self._sums = [
            (had + 1.0) * odds[is_error]
            for had, odds in zip(self._sums, self._odds, strict=True)
        ]

    @property
    def level(self) -> float:
        """To be held against `Terms.alarm`."""
        return sum(self._sums) / len(self._sums)


def _log_sum(logs: Iterable[float]) -> float:
    """log Σ exp, without overflow."""
    logs = list(logs)
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs))
