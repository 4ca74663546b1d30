"""The leak alarm: has somebody trained on the worlds of the exam?

Worlds that were never an exam's are drawn from the same job and sat beside the exam's own. As
long as nothing has leaked both lots are of one kind, so every way of telling them apart is
chance, and a permutation test says how much of it. Where a share of the exam's worlds was
trained on, those few stand out: more is earned there, or more than the start foretells (what
worlds of like starts earn), support is higher, above all at the start, worth is nearer to what
comes. Behaviour is all that is looked at: no log, no weights.

Whose ideas: membership inference (Shokri et al. 2017); normal scores of ranks, weighted as the
likelihood ratio of a shift in a few of them would be, for shifts of several sizes of which the
worst counts (in the spirit of higher criticism, Donoho & Jin 2004). Plain sums over all worlds
were tried and drown ten leaked ones in the noise of the rest; counts of the best 2.5 to 20 %
find shifts of two deviations in 28 of 60 cases where these weights find 36.

Left out: leaks that change nothing in what a student does; they do no harm either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats
from scipy.spatial import cKDTree

from quickstudy.exams.sitting import Sat

SHIFTS = (1.0, 2.0, 3.0)  # by which leaked worlds may stand out, in standard deviations
NEIGHBOURS = 10  # worlds of like starts
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

    For each sign and each shift d: Σ exp(d·z) over the exam's worlds, standardised, where z is
    a world's normal score among all. The alarm's statistic is the largest of these, and its
    p-value comes from dealing the worlds out anew, so it counts that the largest was taken.

    Raises:
      ValueError: a lot without worlds.
    """
    if not exam or not control:
        raise ValueError("a lot without worlds")
    signs = _signs([*exam, *control])
    names = [name for name in signs for _ in SHIFTS]
    table = np.concatenate([_weights(told) for told in signs.values()])
    found, dealt = _dealt(table, len(exam), seed)
    most = int(found.argmax())
    p = (1 + int((dealt.max(0) >= found[most] - 1e-12).sum())) / (1 + dealt.shape[1])
    told = signs[names[most]]
    return Alarm(p, names[most], _standing_out(exam, told, len(control)))


def _signs(worlds: Sequence[Sat]) -> dict[str, np.ndarray]:
    """What may tell a trained world [worlds], higher where it was; NaN where not known."""
    signs: dict[str, Callable[[Sat], float]] = {
        "earns more": lambda sat: sat.earned,
        "support": lambda sat: np.nan if sat.support is None else sat.support,
        "support at the start": lambda sat: np.nan if sat.known is None else sat.known,
        "worth nearer to what came": _nearness,
    }
    told = {
        name: np.array([sign(sat) for sat in worlds], float) for name, sign in signs.items()
    }
    told["earns more than its start foretells"] = _beyond_start(worlds)
    return {name: values for name, values in told.items() if not np.isnan(values).any()}


def _beyond_start(worlds: Sequence[Sat]) -> np.ndarray:
    """Returns less those of the NEIGHBOURS whose starts are nearest [worlds].

    The exam's worlds and the others are treated alike, or the test would not hold. NaN where
    starts are not kept, or all the same.
    """
    if len({len(sat.start) for sat in worlds}) != 1 or len(worlds) <= NEIGHBOURS:
        return np.full(len(worlds), np.nan)
    starts = np.array([sat.start for sat in worlds], float)
    spread = starts.std(0)
    if not spread.any():
        return np.full(len(worlds), np.nan)
    starts = starts[:, spread > 0] / spread[spread > 0]
    earned = np.array([sat.earned for sat in worlds])
    nearest = cKDTree(starts).query(starts, NEIGHBOURS + 1)[1][:, 1:]
    return earned - earned[nearest].mean(1)


def _nearness(sat: Sat) -> float:
    """Less the mean error of worth."""
    if not sat.points:
        return float("nan")
    return -float(np.mean([abs(worth - came) for worth, _, came in sat.points]))


def _weights(values: np.ndarray) -> np.ndarray:
    """What each world counts for [SHIFTS, worlds]; worlds that tie count alike."""
    z = special.ndtri((stats.rankdata(values) - 0.5) / len(values))
    return np.exp(np.outer(SHIFTS, z))


def _dealt(table: np.ndarray, exams: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The statistics of a table [S, worlds], as they are [S] and as dealt out anew [S, R]."""
    rng = np.random.default_rng(seed)
    n = table.shape[1]
    spread = table.std(1, keepdims=True) * np.sqrt(exams * (n - exams) / (n - 1))
    spread = np.where(spread > 0, spread, 1.0)
    middle = exams * table.mean(1, keepdims=True)
    order = rng.permuted(np.tile(np.arange(n), (RESAMPLES, 1)), axis=1)
    drawn = table[:, order[:, :exams]].sum(2)
    found = table[:, :exams].sum(1, keepdims=True)
    return ((found - middle) / spread)[:, 0], (drawn - middle) / spread


def _standing_out(exam: Sequence[Sat], told: np.ndarray, controls: int) -> tuple[int, ...]:
    """The exam's worlds above the best of the others, as far as those go beyond chance."""
    own, other = told[: len(exam)], told[len(exam) :]
    above = [i for i in np.argsort(-own, kind="stable") if own[i] > other.max()]
    by_chance = len(exam) / (controls + 1)
    return tuple(exam[i].seed for i in above) if len(above) > by_chance else ()
