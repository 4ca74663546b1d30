"""The leak alarm: has somebody trained on the worlds of the exam?

Worlds that were never an exam's are drawn from the same job and sat beside the exam's own. As
long as nothing has leaked both lots are of one kind, so every way of telling them apart is
chance, and a permutation test says how much of it. Where a share of the exam's worlds was
trained on, those few stand out: more is earned there, support is higher, worth is nearer to
what comes. Behaviour is all that is looked at: no log, no weights.

Whose ideas: membership inference (Shokri et al. 2017), with ranks that weigh the top most, as
a few leaked worlds among many ask for (exponential scores, Savage 1956).

Left out: leaks that change nothing in what a student does; they do no harm either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from quickstudy.exams.sitting import Sat

FALSE_ALARMS = 0.05  # share of clean exams at which it may fire
RESAMPLES = 2_000


@dataclass(frozen=True)
class Alarm:
    """What the alarm says.

    p: probability of lots so far apart if nothing leaked. sign: what told them apart most.
    suspects: seeds of the exam's worlds that stand out most, as many as stand out.
    """

    p: float
    sign: str
    suspects: tuple[int, ...]

    @property
    def fires(self) -> bool:
        return self.p <= FALSE_ALARMS


def alarm(exam: Sequence[Sat], control: Sequence[Sat], seed: int = 0) -> Alarm:
    """Holds an exam's worlds against as many, or better several times as many, others.

    Each sign gives a score to each world by its rank among all; a sign's statistic is the sum
    over the exam's worlds, and the alarm's the largest of them, standardised. Its p-value
    comes from dealing the worlds out anew, so it counts that the largest was taken.

    Raises:
      ValueError: a lot without worlds.
    """
    if not exam or not control:
        raise ValueError("a lot without worlds")
    worlds = [*exam, *control]
    scores = {name: _scores(told) for name, told in _signs(worlds).items()}
    table = np.stack(list(scores.values()))  # [signs, worlds]
    found, dealt = _dealt(table, len(exam), seed)
    best = int(found.argmax())
    p = (1 + int((dealt.max(0) >= found[best] - 1e-12).sum())) / (1 + dealt.shape[1])
    return Alarm(p, list(scores)[best], _standing_out(exam, table[best], len(control)))


def _signs(worlds: Sequence[Sat]) -> dict[str, np.ndarray]:
    """What may tell a trained world [worlds], higher where it was; NaN where not known."""
    signs: dict[str, Callable[[Sat], float]] = {
        "earns more": lambda sat: sat.earned,
        "support": lambda sat: np.nan if sat.support is None else sat.support,
        "worth nearer to what came": _nearness,
    }
    told = {
        name: np.array([sign(sat) for sat in worlds], float) for name, sign in signs.items()
    }
    return {name: values for name, values in told.items() if not np.isnan(values).any()}


def _nearness(sat: Sat) -> float:
    """Less the mean error of worth."""
    if not sat.points:
        return float("nan")
    return -float(np.mean([abs(worth - came) for worth, _, came in sat.points]))


def _scores(values: np.ndarray) -> np.ndarray:
    """``−log(1 − rank/(n+1))``: the k-th best of n counts about log(n/k)."""
    return -np.log1p(-stats.rankdata(values) / (len(values) + 1))


def _dealt(table: np.ndarray, exams: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The statistic of each sign, as it is [signs] and as dealt out anew [signs, R]."""
    rng = np.random.default_rng(seed)
    n = table.shape[1]
    spread = table.std(1, keepdims=True) * np.sqrt(exams * (n - exams) / (n - 1))
    spread = np.where(spread > 0, spread, 1.0)
    middle = exams * table.mean(1, keepdims=True)
    order = rng.permuted(np.tile(np.arange(n), (RESAMPLES, 1)), axis=1)
    drawn = table[:, order[:, :exams]].sum(2)
    found = table[:, :exams].sum(1, keepdims=True)
    return ((found - middle) / spread)[:, 0], (drawn - middle) / spread


def _standing_out(exam: Sequence[Sat], scores: np.ndarray, controls: int) -> tuple[int, ...]:
    """The exam's worlds above the best of the others, as far as those go beyond chance."""
    own, other = scores[: len(exam)], scores[len(exam) :]
    above = [i for i in np.argsort(-own, kind="stable") if own[i] > other.max()]
    by_chance = len(exam) / (controls + 1)
    return tuple(exam[i].seed for i in above) if len(above) > by_chance else ()
