"""Giving up episodes that are past hope, at a stated rate of lost successes.

An episode succeeds if it returns at least the job's bar or, where there is none, the median of
recent returns. At each decision its *margin* is the worth less what success still asks for;
see `margin`. An episode whose margin falls below what nearly all successful ones stayed above
is given up: a cut, so its value goes on and nothing is learned about having been stopped.

Whose idea: conformal risk at a stated rate (Vovk et al. 2005; split conformal prediction). If
K successful episodes were let run to their end and the next successful one is exchangeable
with them, its lowest margin is below their k-th lowest with probability k / (K + 1) at most.
So nothing is given up before 1 / rate − 1 successes: 49 at a rate of 2 %. A share of episodes
is always let run: only these, and those before anything could be given up, say where the
threshold lies, or else each threshold would be drawn from what the last one left over. They
also tell what giving up costs; `report` shows it. A learner changes, so exchangeable is an
approximation; as it gets better, the threshold errs towards giving up less.

Left out: thresholds that depend on the situation; the price of a step against a success.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quickstudy.errors import QuickstudyError
from quickstudy.types import End

if TYPE_CHECKING:
    from quickstudy.life import Episode

LET_RUN = 0.25  # share of episodes that are never given up
FEWEST, RECENT = 5, 50  # returns behind the median that stands for a missing bar
MOST = 500  # successes that set the threshold


@dataclass(frozen=True)
class Row:
    """An episode that was watched.

    bar: what it had to return to succeed. lowest: its lowest margin. below: margins below
    this were past hope; None where nothing could be given up yet. is_let_run: it was left
    alone in any case. earned: its return; None where it was given up.
    """

    episode: int
    bar: float | None
    lowest: float
    below: float | None
    is_let_run: bool
    earned: float | None

    @property
    def is_fair(self) -> bool:
        """Whether it was let run whatever its margin was, so that it can stand for others."""
        return self.is_let_run or self.below is None

    @property
    def is_success(self) -> bool:
        return self.bar is not None and self.earned is not None and self.earned >= self.bar


@dataclass(frozen=True)
class Cost:
    """What giving up cost so far.

    stopped: episodes given up, of `watched` that could have been. lost: of the `successes`
    among those let run meanwhile, how many would have been given up.
    """

    watched: int
    stopped: int
    successes: int
    lost: int


@dataclass
class Hope:
    """Watches one job's episodes; what it learned is in the notes that it gives.

    rate: of successful episodes that may be lost. bar: of the catalogue; None where there is
    none. seed: of the learner; says which episodes are let run.
    """

    rate: float
    bar: float | None
    seed: int
    rows: list[Row] = field(default_factory=list)
    _watched: Row | None = None

    def is_past(self, episode: Episode, worth: float, steps_left: int, discount: float) -> bool:
        """Whether an episode is past hope, by its latest decision, before its reward.

        Args: as `margin`.
        """
        if episode.steps == 1:
            self._watched = self._begun(episode.number)
        row = self._watched
        if row is None or row.episode != episode.number or row.bar is None:
            return False
        now = margin(worth, episode.earned, steps_left, discount, row.bar)
        self._watched = replace(row, lowest=min(row.lowest, now))
        return row.below is not None and not row.is_let_run and now < row.below

    def ended(self, episode: int, end: End, earned: float) -> dict[str, Any] | None:
        """Takes in the end of an episode; a note of it, None where it was not watched.

        end: CUT where it was given up.
        """
        row, self._watched = self._watched, None
        if row is None or row.episode != episode:
            return None
        self.rows.append(replace(row, earned=None if end is End.CUT else earned))
        return asdict(self.rows[-1])

    def _begun(self, episode: int) -> Row:
        rng = np.random.default_rng([self.seed, 5, episode])
        bar = usual(self.rows) if self.bar is None else self.bar
        lowest = 0.0 if bar is None else math.inf
        below = threshold(self.rows, self.rate)
        return Row(episode, bar, lowest, below, bool(rng.random() < LET_RUN), None)


def margin(worth: float, earned: float, steps_left: int, discount: float, bar: float) -> float:
    """Worth less what success still asks for, if that were earned at an even pace.

        worth − a · (1 − γⁿ) / (1 − γ),   a = (bar − earned) / n

    Worth is discounted and knows no clock; spreading the rest of the bar evenly over the n
    steps left puts both on one footing. It need not be right, only lower where things are
    worse: the threshold is set by what margins successful episodes had.

    Args:
      worth: of the latest decision. earned: before it. steps_left: n ≥ 1.
    """
    pace = (bar - earned) / steps_left
    return worth - pace * (1.0 - discount**steps_left) / (1.0 - discount)


def threshold(rows: Sequence[Row], rate: float) -> float | None:
    """The margin below which an episode is past hope; None while there are too few."""
    lowest = sorted([row.lowest for row in rows if row.is_fair and row.is_success][-MOST:])
    spared = int(rate * (len(lowest) + 1) + 1e-9)
    return lowest[spared - 1] if spared else None


def usual(rows: Sequence[Row]) -> float | None:
    """The median of recent returns; None while there are too few."""
    returns = [row.earned for row in rows if row.is_fair and row.earned is not None]
    return statistics.median(returns[-RECENT:]) if len(returns) >= FEWEST else None


def cost(rows: Sequence[Row]) -> Cost:
    """What giving up cost, by the episodes that were let run meanwhile."""
    active = [row for row in rows if row.below is not None]
    won = [row for row in active if row.is_let_run and row.is_success]
    return Cost(
        watched=sum(not row.is_let_run for row in active),
        stopped=sum(row.earned is None for row in active),
        successes=len(won),
        lost=sum(row.lowest < row.below for row in won if row.below is not None),
    )


def rate_of(number: float, job: str, is_free: bool) -> float:
    """The rate that was asked for.

    Raises:
      QuickstudyError: it is none, or resetting the job is not free.
    """
    if not 0.0 < number < 1.0:
        raise QuickstudyError(
            f"Came {number:g} as the rate of successes that may be lost; expected a number "
            "between 0 and 1, such as 0.02."
        )
    if not is_free:
        raise QuickstudyError(
            f"Job '{job}' does not say that resetting it is free, so no episode is given up "
            "there; leave stop-hopeless out, or register the job with resets_freely=True."
        )
    return number
