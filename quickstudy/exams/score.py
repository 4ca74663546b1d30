"""What an exam says: scores with intervals, the gap, jaggedness, support, decline, calibration.

    gap = IQM(returns on worlds worked in) − IQM(returns on fresh worlds of the same kind)

Scores are also given as shares of the way from random actions (0) to the bar (1), so that jobs
can be compared.

Whether a learner *knows its worlds better than the job* is a test of its own, by ranks: if it
did not, its worlds and fresh ones would be of one kind, and dealing their returns out anew
would part them as far one time in 40 at most. Ranks also see what interquartile means cut off
(a learner that fails in a fifth of the fresh worlds), and hold where it worked in one world.

Left out: correction for the many figures of one report; each interval holds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from quickstudy.exams.leak import Alarm, alarm
from quickstudy.exams.sitting import Sat
from quickstudy.exams.statistics import Estimate, auroc_estimate, estimate, iqm, rank_test

SEEN, TWIN, RANDOM, CONTROL = "seen", "twin", "random", "control"
ENOUGH = 10  # worlds of each kind, for intervals that hold as often as they say
BY_CHANCE = (
    0.025  # how often a learner may be taken for overfit that is not: as an interval's end
)
DEVIATIONS = 1.645  # spreads on either side of worth: a 90 % interval


@dataclass(frozen=True)
class Lot:
    """Worlds of one kind, sat by one student.

    name: SEEN, TWIN, RANDOM (random actions on the twin's worlds), CONTROL (worlds of no
    edition, for the leak alarm), or a shift's.
    strength: of the shift, in [0, 1]; 0 for the rest.
    """

    name: str
    strength: float
    worlds: tuple[Sat, ...]

    @property
    def earned(self) -> np.ndarray:
        """Returns [worlds], in the job's units."""
        return np.array([sat.earned for sat in self.worlds])


@dataclass(frozen=True)
class Result:
    """An exam, sat.

    Attributes:
      learner, job: who and where. steps: worked before it. edition, fingerprint: of the exam.
      bar: the return at which a learner is competent; None where there is none.
      lots: in the order in which they were sat.
    """

    learner: str
    job: str
    steps: int
    edition: str
    fingerprint: str
    bar: float | None
    lots: tuple[Lot, ...]

    def lot(self, name: str) -> Lot | None:
        """The (first) lot of that name."""
        return next((lot for lot in self.lots if lot.name == name), None)

    @cached_property
    def seen(self) -> Estimate | None:
        """IQM of returns on worlds that were worked in; None where they are not known."""
        return _score(self.lot(SEEN))

    @cached_property
    def twin(self) -> Estimate:
        """IQM of returns on fresh worlds."""
        score = _score(self.lot(TWIN))
        assert score is not None
        return score

    @cached_property
    def random(self) -> Estimate | None:
        """IQM of what random actions earn on the fresh worlds."""
        return _score(self.lot(RANDOM))

    @cached_property
    def gap(self) -> Estimate | None:
        """Seen − twin, in the job's units; above 0 the learner knows worlds, not the job."""
        seen, twin = self.lot(SEEN), self.lot(TWIN)
        if not seen or not twin or not seen.worlds:
            return None
        return estimate([seen.earned, twin.earned], lambda a, b: iqm(a) - iqm(b))

    @cached_property
    def gap_by_chance(self) -> float | None:
        """How often chance alone would put its own worlds so far above fresh ones.

        None where its worlds are not known.
        """
        seen, twin = self.lot(SEEN), self.lot(TWIN)
        if not seen or not twin or not seen.worlds:
            return None
        return rank_test(seen.earned, twin.earned)

    @property
    def is_overfit(self) -> bool:
        """Whether it was shown to know its own worlds better than the job."""
        return self.gap_by_chance is not None and self.gap_by_chance <= BY_CHANCE

    @property
    def ends(self) -> tuple[float, float] | None:
        """Returns that count as 0 and 1; None where nothing lies between them."""
        floor = self.random.value if self.random else None
        known = [score.value for score in (self.seen, self.twin) if score]
        top = self.bar if self.bar is not None else max(known)
        return None if floor is None or top <= floor else (floor, top)

    def shares(self, earned: Sequence[float] | np.ndarray) -> np.ndarray | None:
        """Returns as shares of the way from random to the bar."""
        if self.ends is None:
            return None
        floor, top = self.ends
        return (np.asarray(earned, float) - floor) / (top - floor)

    @cached_property
    def jaggedness(self) -> float | None:
        """Standard deviation of scores over fresh worlds: how uneven it is."""
        twin = self.lot(TWIN)
        shares = self.shares(twin.earned) if twin else None
        return None if shares is None else float(np.std(shares))

    @cached_property
    def skills(self) -> float | None:
        """Standard deviation of scores over shifts at full strength, and none."""
        full = [lot for lot in self.lots if lot.name == TWIN or lot.strength == 1.0]
        shares = self.shares([float(iqm(lot.earned)) for lot in full])
        return float(np.std(shares)) if shares is not None and len(full) > 1 else None

    @cached_property
    def decline(self) -> dict[str, Estimate]:
        """Share of the score lost to each shift, on average over strengths from 0 to 1."""
        if self.ends is None:
            return {}
        twin = self.lot(TWIN)
        return {
            name: estimate([lot.earned for lot in lots], _area(lots, self.ends))
            for name, lots in self._shifted(twin).items()
        }

    def _shifted(self, twin: Lot | None) -> dict[str, list[Lot]]:
        names = dict.fromkeys(lot.name for lot in self.lots if lot.strength)
        first = [twin] if twin else []
        return {
            name: first + sorted((x for x in self.lots if x.name == name), key=_strength)
            for name in names
        }

    @cached_property
    def support_foretells(self) -> Estimate | None:
        """AUROC of low support for mistakes, over fresh and shifted worlds.

        A mistake is a world that earns less than halfway between random actions and what
        the learner is used to.
        """
        sat = [s for lot in self._fresh for s in lot.worlds if s.support is not None]
        if self.random is None or self.twin.value <= self.random.value or not sat:
            return None
        support = np.array([s.support for s in sat], float)
        halfway = (self.random.value + self.twin.value) / 2
        return auroc_estimate(-support, np.array([s.earned for s in sat]) < halfway)

    @cached_property
    def coverage(self) -> float | None:
        """Share of returns on fresh worlds within worth ± 1.645 spread; .9 is right."""
        worth, spread, came = self._points
        return (
            float((np.abs(came - worth) <= DEVIATIONS * spread).mean()) if len(came) else None
        )

    @cached_property
    def bias(self) -> float | None:
        """Mean of worth less what came, on fresh worlds, in the job's units."""
        worth, _, came = self._points
        return float((worth - came).mean()) if len(came) else None

    @cached_property
    def _points(self) -> np.ndarray:
        twin = self.lot(TWIN)
        points = [point for sat in (twin.worlds if twin else ()) for point in sat.points]
        return np.array(points).reshape(-1, 3).T

    @property
    def _fresh(self) -> list[Lot]:
        return [lot for lot in self.lots if lot.name not in (SEEN, RANDOM, CONTROL)]

    @cached_property
    def leak(self) -> Alarm | None:
        """Whether somebody trained on the fresh worlds; None where no control was sat."""
        twin, control = self.lot(TWIN), self.lot(CONTROL)
        return alarm(twin.worlds, control.worlds) if twin and control else None

    def worst(self, count: int = 3) -> list[tuple[Lot, Sat]]:
        """Fresh worlds that went worst, to be played again."""
        fresh = [(lot, sat) for lot in self._fresh for sat in lot.worlds]
        return sorted(fresh, key=lambda pair: pair[1].earned)[:count]


def _score(lot: Lot | None) -> Estimate | None:
    return estimate([lot.earned], iqm) if lot and lot.worlds else None


def _strength(lot: Lot) -> float:
    return lot.strength


def _area(lots: Sequence[Lot], ends: tuple[float, float]) -> Callable[..., np.ndarray]:
    """Mean loss over strengths, by the trapezoidal rule, as a statistic of the lots."""
    strengths = np.array([lot.strength for lot in lots])

    def area(*earned: np.ndarray) -> np.ndarray:
        scores = np.stack([(iqm(e) - ends[0]) / (ends[1] - ends[0]) for e in earned])
        return np.trapezoid(scores[:1] - scores, strengths, axis=0) / np.ptp(strengths)

    return area
